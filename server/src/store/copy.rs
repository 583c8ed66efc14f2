//! The binary form of `COPY`.
//!
//! Source: "Binary Format" under COPY in the manual of `PostgreSQL`: a signature, flags and the length of an extension as 4 bytes each,
//! then for each row the number of its fields in 2 bytes and for each field its length in 4 bytes and its bytes, where -1 is NULL;
//! -1 instead of a number of fields ends it. Numbers are big-endian.

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// Rows, as they are sent.
pub(crate) struct Rows(Vec<u8>);

impl Rows {
    pub(crate) fn new() -> Self {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([0; 8]);
        Self(bytes)
    }

    pub(crate) fn row(&mut self, fields: u16) {
        self.0.extend(fields.to_be_bytes());
    }

    pub(crate) fn number(&mut self, number: i64) {
        self.bytes(Some(&number.to_be_bytes()));
    }

    /// A field. It is shorter than 2 GiB, as everything in a ledger is.
    pub(crate) fn bytes(&mut self, field: Option<&[u8]>) {
        let length = field.map_or(-1, |bytes| i32::try_from(bytes.len()).unwrap_or(i32::MAX));
        self.0.extend(length.to_be_bytes());
        self.0.extend_from_slice(field.unwrap_or_default());
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.extend((-1_i16).to_be_bytes());
        self.0
    }
}

/// Takes rows apart, in pieces of any size.
#[derive(Default)]
pub(crate) struct Reader {
    pending: Vec<u8>,
    is_begun: bool,
    is_ended: bool,
}

/// The bytes are no rows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoRows;

impl Reader {
    /// Takes the next bytes, and gives each row that is whole then, as its fields.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(&[Option<&[u8]>]) -> Result<(), NoRows>,
    ) -> Result<(), NoRows> {
        // A server sends row by row, so nearly always nothing is pending.
        let mut own = std::mem::take(&mut self.pending);
        let mut rest = if own.is_empty() {
            bytes
        } else {
            own.extend_from_slice(bytes);
            own.as_slice()
        };
        if !self.is_begun {
            let Some((head, more)) = rest.split_at_checked(SIGNATURE.len() + 8) else {
                self.pending = rest.to_vec();
                return Ok(());
            };
            if !head.starts_with(SIGNATURE) || head[SIGNATURE.len()..] != [0; 8] {
                return Err(NoRows);
            }
            self.is_begun = true;
            rest = more;
        }
        let mut fields = Vec::with_capacity(16);
        while !rest.is_empty() {
            if self.is_ended {
                return Err(NoRows);
            }
            fields.clear();
            match row(rest, &mut fields)? {
                Row::Whole(more) => {
                    each(&fields)?;
                    rest = more;
                }
                Row::Last(more) => {
                    self.is_ended = true;
                    rest = more;
                }
                Row::Part => break,
            }
        }
        self.pending = rest.to_vec();
        Ok(())
    }

    /// Whether all rows were there.
    pub(crate) const fn is_ended(&self) -> bool {
        self.is_ended
    }
}

/// What stands at the begin of some bytes.
enum Row<'b> {
    Whole(&'b [u8]),
    Last(&'b [u8]),
    Part,
}

fn row<'b>(bytes: &'b [u8], fields: &mut Vec<Option<&'b [u8]>>) -> Result<Row<'b>, NoRows> {
    let Some((count, mut rest)) = bytes.split_first_chunk::<2>() else { return Ok(Row::Part) };
    let count = i16::from_be_bytes(*count);
    if count == -1 {
        return Ok(Row::Last(rest));
    }
    for _ in 0..u16::try_from(count).map_err(|_| NoRows)? {
        let Some((length, more)) = rest.split_first_chunk::<4>() else { return Ok(Row::Part) };
        let length = i32::from_be_bytes(*length);
        if length == -1 {
            fields.push(None);
            rest = more;
            continue;
        }
        let length = usize::try_from(length).map_err(|_| NoRows)?;
        let Some((field, more)) = more.split_at_checked(length) else { return Ok(Row::Part) };
        fields.push(Some(field));
        rest = more;
    }
    Ok(Row::Whole(rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rows of fields.
    type Found = Vec<Vec<Option<Vec<u8>>>>;

    fn read(pieces: &[&[u8]]) -> Result<(Found, bool), NoRows> {
        let (mut reader, mut found) = (Reader::default(), Vec::new());
        for piece in pieces {
            reader.push(piece, |fields| {
                found.push(fields.iter().map(|field| field.map(<[u8]>::to_vec)).collect());
                Ok(())
            })?;
        }
        Ok((found, reader.is_ended()))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_in_any_pieces(
            rows in prop::collection::vec(prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..9)), 3), 0..9),
            size in 1_usize..40,
        ) {
            let mut written = Rows::new();
            for row in &rows {
                written.row(3);
                for field in row {
                    written.bytes(field.as_deref());
                }
            }
            let bytes = written.finish();
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            prop_assert_eq!(read(&pieces), Ok((rows, true)));
        }

        #[test]
        fn anything_else_has_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut all = Rows::new().0;
            all.extend(bytes);
            let _ = read(&[&all]);
        }
    }

    #[test]
    fn what_is_no_copy_is_refused() {
        assert_eq!(read(&[b"this is something else entirely"]), Err(NoRows));
        assert_eq!(read(&[&Rows::new().finish(), b"more"]), Err(NoRows));
        assert_eq!(read(&[&Rows::new().0]), Ok((Vec::new(), false)));
    }
}
