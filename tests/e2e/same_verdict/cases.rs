//! Changes, made up from a seed.

use std::fmt::Write as _;
use std::ops::Range;

/// Who makes a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    /// An agent, whose hook says so.
    Agent,
    /// A person, who says so.
    Person,
    /// Nobody says.
    Nobody,
}

/// How an agent says what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    /// One replacement.
    Edit,
    /// Several.
    MultiEdit,
    /// The whole text.
    Write,
}

/// A change of a file that stands in a folder of its own.
#[derive(Debug)]
pub(super) struct Case {
    /// The file, from the root of the repository.
    pub(super) file: String,
    pub(super) writer: Writer,
    pub(super) tool: Tool,
    pub(super) before: String,
    pub(super) after: String,
    /// What is replaced by what; each stands once in the text.
    pub(super) edits: Vec<(String, String)>,
}

impl Case {
    /// The lines that the change brings: each run of them as text, and by their numbers from 0.
    pub(super) fn new_lines(&self) -> Vec<(&str, Range<u64>)> {
        let new = self.edits.iter().filter(|(_, new)| !new.is_empty());
        new.map(|(_, new)| {
            let start = self.after.find(new.as_str()).expect("what is new stands there");
            let end = start + new.trim_end().len();
            let first = self.after[..start].rfind('\n').map_or(0, |line| line + 1);
            let last = self.after[end..].find('\n').map_or(self.after.len(), |line| end + line + 1);
            let number = |offset: usize| self.after[..offset].matches('\n').count() as u64;
            (&self.after[first..last], number(first)..number(last))
        })
        .collect()
    }
}

/// Some of the cases. Each is the same whichever others are asked for.
pub(super) fn cases(numbers: Range<u64>) -> Vec<Case> {
    numbers.map(|number| case(number, Dice(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed))).collect()
}

/// Numbers that look like those of dice and are always the same (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % limit as u64).expect("a small number")
    }

    fn one_of<'t, T>(&mut self, all: &'t [T]) -> &'t T {
        &all[self.below(all.len())]
    }
}

fn case(number: u64, mut dice: Dice) -> Case {
    let policy = dice.below(POLICIES.len());
    let place = *dice.one_of(&["live/prod", "live/staging", "live/dev", "stacks"]);
    let tags = *dice.one_of(&TAGS);
    let mut resources: Vec<&Resource> = Vec::new();
    while resources.len() < 4 {
        let next = dice.one_of(RESOURCES);
        if !resources.iter().any(|known| known.name == next.name) {
            resources.push(next);
        }
    }
    let texts: Vec<String> = resources.iter().map(|resource| resource.text(tags)).collect();
    let mut before = String::from(VARIABLES);
    for text in &texts {
        let _ = write!(before, "\n{text}");
    }
    before.push_str(END);

    let mut edits: Vec<(String, String)> = Vec::new();
    let count = dice.below(2) + 1;
    let mut left: Vec<usize> = (0..resources.len()).collect();
    for _ in 0..count {
        let index = left.remove(dice.below(left.len()));
        edits.push(resources[index].edit(&texts[index], &mut dice));
    }
    // Sometimes what brings it about stands elsewhere.
    if dice.below(6) == 0 {
        let (old, new) = *dice.one_of(&[("= \"prod\"", "= \"dev\""), ("default = false", "default = true")]);
        edits.push((old.to_owned(), new.to_owned()));
    }
    if dice.below(4) == 0 {
        edits.push((END.to_owned(), format!("\n{}{END}", dice.one_of(NEW))));
    }
    let mut after = before.clone();
    for (old, new) in &edits {
        assert_eq!(after.matches(old.as_str()).count(), 1, "{old:?} stands once in {after}");
        after = after.replacen(old.as_str(), new, 1);
    }
    let is_once = |new: &String| new.is_empty() || after.matches(new.as_str()).count() == 1;
    assert!(edits.iter().all(|(_, new)| is_once(new)), "{edits:?} in {after}");
    let writer = *dice.one_of(&[Writer::Agent, Writer::Agent, Writer::Agent, Writer::Person, Writer::Nobody]);
    let tool = match (edits.len(), dice.below(3)) {
        (_, 0) => Tool::Write,
        (1, _) => Tool::Edit,
        _ => Tool::MultiEdit,
    };
    Case { file: format!("policy{policy}/{place}/case{number:03}/main.tf"), writer, tool, before, after, edits }
}

/// A resource, and what may become of it.
struct Resource {
    name: &'static str,
    /// Up to where its tags stand.
    text: &'static str,
    edits: &'static [(&'static str, &'static str)],
}

impl Resource {
    fn text(&self, tags: &str) -> String {
        let tags = if self.has_tags() { tags.replace("NAME", self.name) } else { String::new() };
        format!("{}{tags}}}\n", self.text)
    }

    fn has_tags(&self) -> bool {
        self.text.starts_with("resource \"aws_") && !self.text.contains("_policy\"")
    }

    fn edit(&self, text: &str, dice: &mut Dice) -> (String, String) {
        match dice.below(5) {
            0 => (text.to_owned(), String::new()),
            1 if self.has_tags() => {
                (format!("Team = \"{}\"", self.name), format!("Team = \"{}-and-others\"", self.name))
            }
            _ => {
                let (old, new) = dice.one_of(self.edits);
                ((*old).to_owned(), (*new).to_owned())
            }
        }
    }
}

const VARIABLES: &str =
    "variable \"environment\" {\n  default = \"prod\"\n}\n\nvariable \"public\" {\n  default = false\n}\n";

const END: &str = "\n# The end.\n";

/// What tells the environment, where the path does not.
const TAGS: [&str; 4] = [
    "  tags = {\n    Team = \"NAME\"\n  }\n",
    "  tags = {\n    Team = \"NAME\"\n    Environment = \"production\"\n  }\n",
    "  tags = {\n    Team = \"NAME\"\n    Environment = \"development\"\n  }\n",
    "  tags = {\n    Team = \"NAME\"\n    Environment = var.environment\n  }\n",
];

/// What matters, and what does not.
const RESOURCES: &[Resource] = &[
    Resource {
        name: "orders",
        text: "resource \"aws_db_instance\" \"orders\" {\n  identifier              = \"orders\"\n  \
               engine                  = \"postgres\"\n  instance_class          = \"db.m6g.large\"\n  \
               allocated_storage       = 100\n  storage_encrypted       = true\n  deletion_protection     = true\n  \
               backup_retention_period = 14\n  skip_final_snapshot     = false\n  publicly_accessible     = var.public\n",
        edits: &[
            ("\"postgres\"", "\"mysql\""),
            ("storage_encrypted       = true", "storage_encrypted       = false"),
            ("  deletion_protection     = true\n", ""),
            ("deletion_protection     = true", "deletion_protection     = false"),
            ("backup_retention_period = 14", "backup_retention_period = 0"),
            ("publicly_accessible     = var.public", "publicly_accessible     = true"),
            ("\"db.m6g.large\"", "\"db.m6g.xlarge\""),
        ],
    },
    Resource {
        name: "endpoint",
        text: "resource \"aws_ssm_parameter\" \"endpoint\" {\n  name  = \"/orders/endpoint\"\n  type  = \"SecureString\"\n  \
               value = \"orders.internal\"\n",
        edits: &[("\"SecureString\"", "\"String\""), ("\"/orders/endpoint\"", "\"/orders/address\"")],
    },
    Resource {
        name: "web",
        text: "resource \"aws_security_group\" \"web\" {\n  name   = \"web\"\n  vpc_id = aws_vpc.main.id\n  ingress {\n    \
               from_port   = 443\n    to_port     = 443\n    protocol    = \"tcp\"\n    \
               cidr_blocks = [\"10.0.0.0/8\"]\n  }\n",
        edits: &[
            ("\"10.0.0.0/8\"", "\"0.0.0.0/0\""),
            ("from_port   = 443\n    to_port     = 443", "from_port   = 22\n    to_port     = 22"),
            ("name   = \"web\"", "name   = \"web-2\""),
            (
                "from_port   = 443\n    to_port     = 443\n    protocol    = \"tcp\"\n    cidr_blocks = [\"10.0.0.0/8\"]",
                "from_port   = 22\n    to_port     = 22\n    protocol    = \"tcp\"\n    cidr_blocks = [\"0.0.0.0/0\"]",
            ),
        ],
    },
    Resource {
        name: "main",
        text: "resource \"aws_vpc\" \"main\" {\n  cidr_block           = \"10.1.0.0/16\"\n  enable_dns_hostnames = true\n",
        edits: &[
            ("\"10.1.0.0/16\"", "\"10.2.0.0/16\""),
            ("enable_dns_hostnames = true", "enable_dns_hostnames = false"),
        ],
    },
    Resource {
        name: "assets",
        text: "resource \"aws_s3_bucket\" \"assets\" {\n  bucket        = \"shop-assets\"\n  force_destroy = false\n",
        edits: &[("\"shop-assets\"", "\"shop-files\""), ("force_destroy = false", "force_destroy = true")],
    },
    Resource {
        name: "zone",
        text: "resource \"aws_route53_zone\" \"zone\" {\n  name    = \"shop.example\"\n  comment = \"Ours\"\n",
        edits: &[("\"shop.example\"", "\"store.example\""), ("\"Ours\"", "\"Our own\"")],
    },
    Resource {
        name: "data",
        text: "resource \"aws_kms_key\" \"data\" {\n  enable_key_rotation     = true\n  deletion_window_in_days = 30\n",
        edits: &[
            ("enable_key_rotation     = true", "enable_key_rotation     = false"),
            ("deletion_window_in_days = 30", "deletion_window_in_days = 7"),
        ],
    },
    Resource {
        name: "app",
        text: "resource \"aws_iam_policy\" \"app\" {\n  name   = \"app\"\n  policy = jsonencode({\n    Statement = [{\n      \
               Effect   = \"Allow\"\n      Action   = \"s3:GetObject\"\n      Resource = \"arn:aws:s3:::assets/*\"\n    \
               }]\n  })\n",
        edits: &[
            ("Action   = \"s3:GetObject\"", "Action   = \"*\""),
            ("Resource = \"arn:aws:s3:::assets/*\"", "Resource = \"*\""),
            (
                "Action   = \"s3:GetObject\"\n      Resource = \"arn:aws:s3:::assets/*\"",
                "Action   = \"*\"\n      Resource = \"*\"",
            ),
            ("\"app\"\n  policy", "\"apps\"\n  policy"),
        ],
    },
    Resource {
        name: "jobs",
        text: "resource \"aws_sqs_queue\" \"jobs\" {\n  name                       = \"jobs\"\n  \
               message_retention_seconds  = 86400\n",
        edits: &[
            ("name                       = \"jobs\"", "name                       = \"tasks\""),
            ("message_retention_seconds  = 86400", "message_retention_seconds  = 60"),
        ],
    },
    Resource {
        name: "worker",
        text: "resource \"aws_instance\" \"worker\" {\n  ami           = \"ami-0123456789abcdef0\"\n  \
               instance_type = \"t3.small\"\n  metadata_options {\n    http_tokens = \"required\"\n  }\n",
        edits: &[
            ("\"ami-0123456789abcdef0\"", "\"ami-0fedcba9876543210\""),
            ("\"t3.small\"", "\"t3.large\""),
            ("\"required\"", "\"optional\""),
        ],
    },
    Resource {
        name: "build",
        text: "resource \"null_resource\" \"build\" {\n  triggers = {\n    revision = \"1\"\n  }\n",
        edits: &[("revision = \"1\"", "revision = \"2\"")],
    },
    Resource {
        name: "suffix",
        text: "resource \"random_id\" \"suffix\" {\n  byte_length = 4\n",
        edits: &[("byte_length = 4", "byte_length = 8")],
    },
];

/// What may come in.
const NEW: &[&str] = &[
    "resource \"aws_lightsail_database\" \"reports\" {\n  publicly_accessible = true\n}\n",
    "resource \"aws_sns_topic\" \"news\" {\n  name = \"news\"\n}\n",
    "resource \"aws_docdb_cluster\" \"docs\" {\n  storage_encrypted = false\n}\n",
    "resource \"aws_iam_policy\" \"all\" {\n  policy = jsonencode({ Statement = [{ Effect = \"Allow\", Action = \"*\", \
     Resource  = \"*\" }] })\n}\n",
];

/// Settings, one for each group of cases.
///
/// Behind their own rows each has those of the defaults about what is destroyed, but for the ones that count how many go at once:
/// that is counted over a whole change, and here one change holds fifty cases that the hook sees one by one. What a finding is shown
/// as, by surface and by whether it is new, is left out too: it is there to differ.
pub(super) fn policy(number: usize) -> String {
    format!("{}{DESTROYED}{ASKED}", POLICIES[number])
}

pub(super) const POLICIES: [&str; 5] = [
    "",
    "[[verdict]]\nseverity = [\"low\", \"medium\"]\nenvironment = [\"development\"]\nverdict = \"allow\"\n\
     [[verdict]]\norigin = [\"ai\", \"mixed\"]\nenvironment = [\"production\"]\nseverity = [\"high\"]\nverdict = \"deny\"\n",
    "[environment]\norder = [\"path\", \"names\", \"tags\", \"variables\", \"workspace\"]\n\
     [[tier]]\nkinds = [\"aws_s3_*\", \"aws_sqs_*\"]\ntier = \"critical\"\n\
     [[tier]]\nkinds = [\"aws_vpc\"]\ntier = \"low\"\n",
    "[[verdict]]\naction = [\"destroy\", \"replace\"]\nenvironment = [\"development\"]\nverdict = \"note\"\n\
     [[verdict]]\naction = [\"destroy\"]\nverdict = \"deny\"\n\
     [[verdict]]\norigin = [\"unknown\"]\nseverity = [\"high\"]\nenvironment = [\"staging\"]\nverdict = \"note\"\n",
    // With kinds: a row without them singles files out as such, of which it is said who wrote what is new since the last commit.
    "[[tier]]\npaths = [\"policy4/live/prod/**\"]\nkinds = [\"*\"]\ntier = \"critical\"\n\
     [[verdict]]\ntier = [\"critical\"]\ninterruption = true\nverdict = \"deny\"\n\
     [[verdict]]\norigin = [\"human\"]\nseverity = [\"critical\"]\nverdict = \"review\"\n\
     [[verdict]]\nseverity = [\"low\"]\nverdict = \"allow\"\nshow = \"off\"\n\
     [[verdict]]\ndependents = 1\naction = [\"replace\"]\nverdict = \"review\"\n",
];

/// The rows of the defaults about what is destroyed, in their order, but for those that count.
const DESTROYED: &str = "\
    [[verdict]]\norigin = [\"ai\", \"mixed\"]\naction = [\"destroy\", \"replace\"]\ndata_loss = true\nverdict = \"deny\"\n\
    [[verdict]]\norigin = [\"ai\", \"mixed\"]\naction = [\"destroy\", \"replace\"]\ntier = [\"critical\"]\nverdict = \"deny\"\n\
    [[verdict]]\norigin = [\"ai\", \"mixed\"]\naction = [\"destroy\", \"replace\"]\nenvironment = [\"production\"]\nverdict = \"deny\"\n\
    [[verdict]]\norigin = [\"ai\", \"mixed\"]\naction = [\"destroy\", \"replace\"]\nenvironment = [\"unknown\"]\ndependents = 1\nverdict = \"deny\"\n\
    [[verdict]]\naction = [\"destroy\", \"replace\"]\ndata_loss = true\nverdict = \"review\"\n\
    [[verdict]]\naction = [\"destroy\", \"replace\"]\ntier = [\"critical\"]\nverdict = \"review\"\n\
    [[verdict]]\naction = [\"destroy\", \"replace\"]\nenvironment = [\"production\"]\nverdict = \"review\"\n\
    [[verdict]]\naction = [\"destroy\", \"replace\"]\nenvironment = [\"unknown\"]\ndependents = 1\nverdict = \"review\"\n\
    [[verdict]]\naction = [\"destroy\", \"replace\", \"unknown\"]\nverdict = \"note\"\n";

/// The row that holds tells the worst verdict of a change.
const ASKED: &str = "\
    [[require]]\nverdict = [\"deny\"]\napprovals = 1\n\
    [[require]]\nverdict = [\"review\"]\napprovals = 1\n\
    [[require]]\nverdict = [\"note\"]\napprovals = 1\n";
