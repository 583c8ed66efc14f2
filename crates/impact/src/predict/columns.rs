//! Types of columns: what becomes of a value when its column gets another one.
//!
//! Sources: PostgreSQL 18, "Data Types" and "ALTER TABLE"; MySQL 8.4, "Data Types".

/// What becomes of the values of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// The new type holds all that the old one held, in the same form: nothing is written anew.
    Same,
    /// The new type holds all that the old one held.
    Holds,
    /// What does not fit is refused, and the statement with it.
    Refused,
    /// What does not fit is rounded or cut off, and nobody is told.
    Lost,
    /// It is not known.
    Unknown,
}

/// A type, as far as it says what fits into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    /// Bytes.
    Integer(u32),
    /// The longest text, in letters; any where there is none. `padded` types fill up with blanks.
    Text {
        longest: Option<u32>,
        padded: bool,
    },
    /// Digits in all, and behind the point; any where there are none.
    Numeric(Option<(u32, u32)>),
    /// Bytes.
    Float(u32),
    Date,
    Timestamp,
    /// With a time zone.
    Zoned,
    Bool,
}

/// What becomes of the values of a column of the type `from` in one of the type `to`.
pub(super) fn fit(from: &str, to: &str) -> Fit {
    let is_same = from.split_whitespace().map(str::to_lowercase).eq(to.split_whitespace().map(str::to_lowercase));
    if is_same {
        return Fit::Same;
    }
    let holds = |holds, otherwise| if holds { Fit::Holds } else { otherwise };
    match (read(from), read(to)) {
        (Some(from), Some(to)) if from == to => Fit::Same,
        (Some(Type::Integer(from)), Some(Type::Integer(to))) => holds(to >= from, Fit::Refused),
        (Some(Type::Text { longest: from, padded }), Some(Type::Text { longest: to, padded: pads })) => {
            match (from, to) {
                (Some(from), Some(to)) if from > to => Fit::Refused,
                (None, Some(_)) => Fit::Refused,
                _ if padded || pads => Fit::Holds,
                _ => Fit::Same,
            }
        }
        (Some(Type::Numeric(from)), Some(Type::Numeric(to))) => match (from, to) {
            (_, None) => Fit::Holds,
            (None, Some(_)) => Fit::Lost,
            (Some((_, from)), Some((_, to))) if to < from => Fit::Lost,
            (Some((from, behind)), Some((to, point))) => holds(to - point >= from - behind, Fit::Refused),
        },
        (Some(Type::Integer(bytes)), Some(Type::Numeric(Some((digits, behind))))) => {
            holds(digits - behind >= digits_of(bytes), Fit::Refused)
        }
        (Some(Type::Integer(bytes)), Some(Type::Float(to))) => holds(bytes < to, Fit::Lost),
        (Some(Type::Float(from)), Some(Type::Float(to))) => holds(to >= from, Fit::Lost),
        (Some(Type::Numeric(_) | Type::Float(_)), Some(Type::Integer(_)))
        | (Some(Type::Numeric(_)), Some(Type::Float(_)))
        | (Some(Type::Float(_)), Some(Type::Numeric(Some(_))))
        | (Some(Type::Timestamp | Type::Zoned), Some(Type::Date))
        | (Some(Type::Zoned), Some(Type::Timestamp)) => Fit::Lost,
        (Some(Type::Integer(_)), Some(Type::Numeric(None)))
        | (Some(Type::Date), Some(Type::Timestamp | Type::Zoned))
        | (_, Some(Type::Text { longest: None, padded: false })) => Fit::Holds,
        _ => Fit::Unknown,
    }
}

/// The most digits of an integer.
fn digits_of(bytes: u32) -> u32 {
    match bytes {
        1 => 3,
        2 => 5,
        3 => 8,
        4 => 10,
        _ => 19,
    }
}

/// A type as it is written: `character varying(20)`, `INT(11) UNSIGNED`.
fn read(text: &str) -> Option<Type> {
    let text = text.to_lowercase();
    let (name, rest) = text.split_once('(').unwrap_or((&text, ""));
    let (inside, behind) = rest.split_once(')').unwrap_or((rest, ""));
    let words: Vec<&str> = name.split_whitespace().chain(behind.split_whitespace()).collect();
    // What is without a sign holds others than what has one, and a list is another type.
    if words.contains(&"unsigned") || name.contains('[') || behind.contains('[') {
        return None;
    }
    let mut numbers = inside.split(',').map(|number| number.trim().parse::<u32>().ok());
    let first = numbers.next().flatten();
    let is_zoned = words.windows(2).any(|pair| pair == ["with", "time"]);
    Some(match *words.first()? {
        "tinyint" => Type::Integer(1),
        "smallint" | "int2" | "smallserial" | "serial2" => Type::Integer(2),
        "mediumint" => Type::Integer(3),
        "integer" | "int" | "int4" | "serial" | "serial4" => Type::Integer(4),
        "bigint" | "int8" | "bigserial" | "serial8" => Type::Integer(8),
        "varchar" => Type::Text { longest: first, padded: false },
        "character" if words.get(1) == Some(&"varying") => Type::Text { longest: first, padded: false },
        "character" | "char" => Type::Text { longest: Some(first.unwrap_or(1)), padded: true },
        "text" => Type::Text { longest: None, padded: false },
        "numeric" | "decimal" => Type::Numeric(match (first, numbers.next()) {
            (None, _) if inside.is_empty() => None,
            (Some(digits), None) => Some((digits, 0)),
            (Some(digits), Some(Some(behind))) if behind <= digits => Some((digits, behind)),
            _ => return None,
        }),
        "real" | "float4" => Type::Float(4),
        "double" | "float8" => Type::Float(8),
        "date" => Type::Date,
        "timestamptz" => Type::Zoned,
        "timestamp" if is_zoned => Type::Zoned,
        "timestamp" | "datetime" => Type::Timestamp,
        "boolean" | "bool" => Type::Bool,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits() {
        for (from, to, expected) in [
            ("int", "INTEGER", Fit::Same),
            ("int", "bigint", Fit::Holds),
            ("bigint", "int", Fit::Refused),
            ("int(11)", "int(4)", Fit::Same),
            ("int unsigned", "int", Fit::Unknown),
            ("varchar(20)", "character varying(20)", Fit::Same),
            ("varchar(20)", "varchar(40)", Fit::Same),
            ("varchar(20)", "text", Fit::Same),
            ("varchar", "varchar(20)", Fit::Refused),
            ("varchar(40)", "varchar(20)", Fit::Refused),
            ("char(5)", "text", Fit::Holds),
            ("numeric(10, 2)", "numeric(12,2)", Fit::Holds),
            ("numeric(10,2)", "numeric(10,1)", Fit::Lost),
            ("numeric(10,2)", "numeric(11,4)", Fit::Refused),
            ("numeric(10)", "numeric", Fit::Holds),
            ("numeric", "int", Fit::Lost),
            ("int", "numeric(12,2)", Fit::Holds),
            ("int", "numeric(10,2)", Fit::Refused),
            ("int", "double precision", Fit::Holds),
            ("bigint", "double precision", Fit::Lost),
            ("double precision", "real", Fit::Lost),
            ("timestamp without time zone", "date", Fit::Lost),
            ("timestamp(3) with time zone", "timestamp", Fit::Lost),
            ("timestamptz", "timestamp with time zone", Fit::Same),
            ("timestamp", "timestamptz", Fit::Unknown),
            ("date", "timestamp", Fit::Holds),
            ("text", "date", Fit::Unknown),
            ("json", "jsonb", Fit::Unknown),
            ("uuid", "text", Fit::Holds),
            ("int[]", "text", Fit::Holds),
            ("int[]", "int", Fit::Unknown),
            ("mood", "mood", Fit::Same),
            ("", "numeric(,)", Fit::Unknown),
        ] {
            assert_eq!(fit(from, to), expected, "{from} to {to}");
        }
    }
}
