//! Addresses as Terraform writes them: `module.app["eu"].aws_instance.web[0]`.

/// The calls that an address goes through, and the address in the module that they lead to; without the keys of instances.
pub fn parts(address: &str) -> (Vec<String>, String) {
    let names = names(address);
    let mut calls = Vec::new();
    let mut rest = names.as_slice();
    while let [module, call, more @ ..] = rest
        && module == "module"
        && !more.is_empty()
    {
        calls.push(format!("module.{call}"));
        rest = more;
    }
    (calls, rest.join("."))
}

/// The names that dots separate, without keys.
fn names(address: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut chars = address.chars();
    while let Some(c) = chars.next() {
        match c {
            '.' => names.push(String::new()),
            '[' => skip_key(&mut chars),
            _ => names.iter_mut().next_back().into_iter().for_each(|name| name.push(c)),
        }
    }
    names
}

fn skip_key(chars: &mut std::str::Chars<'_>) {
    let mut is_quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' if is_quoted => drop(chars.next()),
            '"' => is_quoted = !is_quoted,
            ']' if !is_quoted => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn keys_are_no_part_of_it() {
        let is = |address: &str, calls: &[&str], rest: &str| {
            assert_eq!(parts(address), (calls.iter().map(|call| (*call).to_owned()).collect(), rest.to_owned()));
        };
        is("aws_vpc.main", &[], "aws_vpc.main");
        is("aws_vpc.main[0]", &[], "aws_vpc.main");
        is("module.a.module.b[\"x.y]\\\"[\"].data.aws_ami.z[\"]\"]", &["module.a", "module.b"], "data.aws_ami.z");
        is("module.a", &[], "module.a");
        is("module.a.", &["module.a"], "");
        is("", &[], "");
        is("x[", &[], "x");
    }
}
