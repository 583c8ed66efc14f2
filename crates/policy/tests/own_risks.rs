//! Files of risks that a team writes: whatever stands in one, it is read or said to be wrong at a place of it.

use countersign_policy::{Catalogue, Config, RiskRow, read_own_risk};
use proptest::prelude::*;
use std::sync::Arc;

const FRAGMENTS: &[&str] = &[
    "+++\n",
    "+++\r\n",
    "id = \"a\"\narea = \"state\"\nseverity = \"low\"\ntitle = \"A\"\nmessage = \"`{address}` {value}\"\nhelp = \"B\"\n",
    "[[binding]]\nkinds = [\"aws_x\"]\nattribute = \"a.b\"\nwhen = \"false\"\n",
    "[[binding]]\nshape = \"container\"\nattribute = \"tty\"\nwhen = { in = [true, 1, \"é\"] }\n",
    "[options.days]\ndefault = 3\nabout = \"Days.\"\n",
    "when = { less_than = { option = \"days\" } }\n",
    "when = { lacks = { option = \"none\" } }\n",
    "when = { matches = \"(\" }\n",
    "engine = true\n",
    "id = \"é\"\n",
    "wrong = 1\n",
    "\"",
    "{",
    "[[risk]]\nid = [\"a\", \"database-public\"]\noff = \"\"\n",
    "[[risk]]\narea = [\"é\"]\noptions = { days = \"x\" }\n",
    "\n## What to do\n\n## Flagged\n\n```hcl\na {}\n```\n\n## Not flagged\n\n## References\n",
    "## Fixed\n",
    "# é\n",
    "\n",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(FRAGMENTS), 0..10).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn what_is_wrong_stands_in_the_text(text in text()) {
        match read_own_risk(&text, "a") {
            Err(wrong) => prop_assert!(text.get(wrong.range.clone()).is_some(), "{wrong:?}"),
            Ok(document) => {
                let catalogue = Catalogue::set(&[Arc::new(document)], &[]);
                prop_assert!(catalogue.risk("a").is_some());
            }
        }
        for problem in Config::problems_of_risks(&text, Catalogue::built_in()) {
            prop_assert!(text.get(problem.range.clone()).is_some(), "{problem:?}");
        }
    }

    /// Against the plain meaning: the first row that says something about a risk decides, and no other risk is touched.
    #[test]
    fn the_first_row_decides(picks in prop::collection::vec((0_usize..6, any::<bool>(), 0_usize..5), 0..6)) {
        let built_in = Catalogue::built_in();
        let some: Vec<_> = built_in.documents().iter().filter(|it| it.risk.can_be_off()).step_by(20).take(6).collect();
        let severities = ["low", "medium", "high", "critical"];
        let rows: Vec<RiskRow> = picks
            .iter()
            .map(|(nth, by_area, says)| {
                let risk = &some[*nth].risk;
                let what = if *by_area { format!("area = [\"{}\"]", risk.area) } else { format!("id = [\"{}\"]", risk.id) };
                let says = severities.get(*says).map_or("off = \"why\"".to_owned(), |it| format!("severity = \"{it}\""));
                let (config, problems) = Config::read(&format!("[[risk]]\n{what}\n{says}\n"));
                assert_eq!(problems, []);
                config.risk[0].clone()
            })
            .collect();
        let catalogue = Catalogue::set(&[], &rows);
        for document in built_in.documents() {
            let risk = &document.risk;
            let about = |row: &&RiskRow| {
                row.id.iter().flatten().any(|id| *id == *risk.id) || row.area.iter().flatten().any(|area| *area == *risk.area)
            };
            let severity = rows.iter().filter(about).find_map(|row| row.severity).unwrap_or(risk.severity);
            let is_off = rows.iter().filter(about).any(|row| row.off.is_some());
            prop_assert_eq!(catalogue.risk(&risk.id).map(|it| it.severity), Some(severity));
            prop_assert_eq!(catalogue.off(&risk.id).is_some(), is_off);
        }
    }
}
