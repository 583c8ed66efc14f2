//! From the tree of the HCL grammar to blocks and expressions: Terraform, OpenTofu, Terragrunt and Packer.

use super::syntax::{
    Block, Call, Content, Dynamic, Element, Expr, ExprKind, For, Item, Items, Operator, Part, Span, Step, Template,
    short,
};
use crate::cloudformation::{IMPORT_VALUE, export};
use rustc_hash::FxHashSet;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use tree_sitter::{Node, Tree};

/// Deepest nesting of expressions that is read. The scanner limits brackets; a chain of operators nests without any.
const MAX_DEPTH: usize = 250;

/// Operands and operators of one operation that are read.
const MAX_OPERANDS: usize = 150;

/// Steps of a traversal that are read.
const MAX_TRAVERSAL: usize = 100;

/// The blocks of a unit, in order of the text.
pub(crate) fn blocks(source: &str, tree: &Tree) -> Vec<Block> {
    let reader = Reader { source };
    let mut blocks = Vec::new();
    // A tree with errors may hold its blocks one level deeper or beside an `ERROR` node.
    let mut bodies = vec![tree.root_node()];
    while let Some(body) = bodies.pop() {
        for node in children(body) {
            match kind(&node) {
                "body" | "ERROR" => bodies.push(node),
                "block" => reader.top_level_block(node, &mut blocks),
                "attribute" => reader.top_level_attribute(node, &mut blocks),
                _ => {}
            }
        }
    }
    blocks.sort_by_key(|block| block.range.start());
    // Nearly every unit has one, and a list that grows begins with room for four.
    blocks.shrink_to_fit();
    blocks
}

/// The expression of an `expression` node.
pub(super) fn expression(source: &str, node: Node<'_>) -> Expr {
    Reader { source }.expression(node, 0)
}

/// The template that stands between the quotes of another format's string, `at` bytes into the unit.
pub(super) fn template_in(text: &str, at: usize) -> Expr {
    let quoted = format!("x = \"{text}\"");
    let mut expr = super::parse_fragment(&quoted)
        .and_then(|tree| {
            let block = blocks(&quoted, &tree).into_iter().next()?;
            block.body.attribute("x").cloned()
        })
        .unwrap_or(Expr { range: (4..5 + text.len()).into(), kind: ExprKind::Unreadable });
    shift(&mut expr, &|range| (range.start + at).saturating_sub(5)..(range.end + at).saturating_sub(5));
    expr
}

/// The template that another format's string holds once its escapes are resolved. Places inside of it cannot be told any
/// more: all of them are `at`.
pub(super) fn template_of(text: &str, at: &Range<usize>) -> Expr {
    const MARK: &str = "COUNTERSIGN_TEMPLATE";
    // In a heredoc, quotes and backslashes stand for themselves, as here.
    let heredoc = format!("x = <<{MARK}\n{text}\n{MARK}\n");
    let read = || {
        let tree = super::parse_fragment(&heredoc)?;
        let block = blocks(&heredoc, &tree).into_iter().next()?;
        let mut expr = block.body.attribute("x")?.clone();
        let ExprKind::Template(template) = &mut expr.kind else { return None };
        template.heredoc = false;
        let mut parts = std::mem::take(&mut template.parts).into_vec();
        let Some(Part::Text { text, .. }) = parts.last_mut() else { return None };
        *text = text.strip_suffix('\n')?.into();
        if text.is_empty() {
            parts.pop();
        }
        template.parts = parts.into();
        for part in &mut template.parts {
            if let Part::Text { verbatim, .. } = part {
                *verbatim = false;
            }
        }
        shift(&mut expr, &|_| at.clone());
        Some(expr)
    };
    let is_one = !text.contains(MARK);
    is_one.then(read).flatten().unwrap_or(Expr { range: at.clone().into(), kind: ExprKind::Unreadable })
}

/// The type of a variable, which stands in a string in another format.
pub(super) fn type_of(text: &str, at: &Range<usize>) -> Option<Expr> {
    let text = format!("x = {text}");
    let tree = super::parse_fragment(&text)?;
    let mut expr = blocks(&text, &tree).into_iter().next()?.body.attribute("x")?.clone();
    shift(&mut expr, &|_| at.clone());
    Some(expr)
}

/// Changes every range of an expression.
fn shift(expr: &mut Expr, moved: &impl Fn(Range<usize>) -> Range<usize>) {
    let move_span = |span: &mut Span| *span = moved(span.range()).into();
    move_span(&mut expr.range);
    match &mut expr.kind {
        ExprKind::Template(template) => {
            move_span(&mut template.content);
            shift_parts(&mut template.parts, moved);
        }
        ExprKind::List(values) => values.iter_mut().for_each(|value| shift(value, moved)),
        ExprKind::Object { elements, .. } => {
            for element in elements {
                move_span(&mut element.range);
                shift(&mut element.key, moved);
                shift(&mut element.value, moved);
            }
        }
        ExprKind::Traversal(root, steps) => {
            shift(root, moved);
            for step in steps {
                if let Step::Index(index) = step {
                    shift(index, moved);
                }
            }
        }
        ExprKind::Call(call) => call.arguments.iter_mut().for_each(|value| shift(value, moved)),
        ExprKind::Conditional(parts) => parts.iter_mut().for_each(|value| shift(value, moved)),
        ExprKind::Unary(_, operand) => shift(operand, moved),
        ExprKind::Binary(_, parts) => parts.iter_mut().for_each(|value| shift(value, moved)),
        ExprKind::For(parts) => {
            let For { collection, key, value, condition, .. } = &mut **parts;
            for part in [Some(collection), key.as_mut(), Some(value), condition.as_mut()].into_iter().flatten() {
                shift(part, moved);
            }
        }
        ExprKind::Null | ExprKind::Bool(_) | ExprKind::Number(_) | ExprKind::Variable(_) | ExprKind::Unreadable => {}
    }
}

fn shift_parts(parts: &mut [Part], moved: &impl Fn(Range<usize>) -> Range<usize>) {
    for part in parts {
        match part {
            Part::Interpolation(expr) => shift(expr, moved),
            Part::If(parts) => {
                shift(&mut parts.0, moved);
                shift_parts(&mut parts.1, moved);
                shift_parts(&mut parts.2, moved);
            }
            Part::Text { .. } | Part::Unknown => {}
        }
    }
}

struct Reader<'a> {
    source: &'a str,
}

/// A block as it is written.
struct Written<'a> {
    name: &'a str,
    labels: Vec<String>,
    items: Items,
}

impl<'a> Reader<'a> {
    fn text(&self, node: Node<'_>) -> &'a str {
        self.source.get(node.byte_range()).unwrap_or_default()
    }

    fn name(&self, node: Node<'_>) -> Arc<str> {
        interned(self.text(node))
    }

    fn top_level_block(&self, node: Node<'_>, blocks: &mut Vec<Block>) {
        let Some(block) = self.block(node) else { return };
        match block.name {
            "terraform" => self.backends(node, blocks),
            "remote_state" => blocks.extend(remote_state(&block.items)),
            "locals" => {
                locals(&block.items, blocks);
                return;
            }
            _ => {}
        }
        let (kind, address) = names(block.name, &block.labels);
        blocks.push(finished(&kind, &address, node.byte_range(), block.items));
    }

    /// The `backend "s3" { … }` and `cloud { … }` blocks inside of a `terraform` block.
    fn backends(&self, terraform: Node<'_>, blocks: &mut Vec<Block>) {
        let nested = children(terraform).filter(|node| kind(node) == "body").flat_map(children);
        for node in nested.filter(|node| kind(node) == "block") {
            if let Some(block) = self.block(node) {
                let name = match (block.name, block.labels.first()) {
                    ("backend", Some(backend)) => format!("backend.{backend}"),
                    ("cloud", None) => "backend.cloud".to_owned(),
                    _ => continue,
                };
                blocks.push(finished(&name, &name, node.byte_range(), block.items));
            }
        }
    }

    /// `name = value` outside of any block: a value in a `.tfvars` file, or a setting of Terragrunt.
    fn top_level_attribute(&self, node: Node<'_>, blocks: &mut Vec<Block>) {
        if let Some(item) = self.attribute(node) {
            let address = item.name.to_string();
            blocks.push(value_block(&address, item));
        }
    }

    fn block(&self, node: Node<'_>) -> Option<Written<'a>> {
        let mut name = None;
        let mut labels = Vec::new();
        let mut anchor = node.start_byte()..node.start_byte();
        let mut items = Items::default();
        for child in children(node) {
            match kind(&child) {
                "identifier" if name.is_none() => {
                    name = Some(self.text(child));
                    anchor = child.byte_range();
                }
                "identifier" | "string_lit" => {
                    if labels.is_empty() {
                        anchor.start = child.start_byte();
                    }
                    anchor.end = child.end_byte();
                    labels.push(self.text(child).trim_matches('"').to_owned());
                }
                "body" => self.body(child, &mut items),
                "block_end" if !child.is_missing() => items.close = Some(short(child.start_byte())),
                "ERROR" => items.open = true,
                _ => {}
            }
        }
        items.entries.shrink_to_fit();
        items.anchor = anchor.into();
        Some(Written { name: name?, labels, items })
    }

    fn body(&self, node: Node<'_>, items: &mut Items) {
        for child in children(node) {
            match kind(&child) {
                "attribute" => items.entries.extend(self.attribute(child)),
                "block" => items.entries.extend(self.block(child).map(|block| nested(block, child.byte_range()))),
                // Something is there that could not be read, and it may be any attribute.
                "ERROR" => items.open = true,
                _ => {}
            }
        }
    }

    fn attribute(&self, node: Node<'_>) -> Option<Item> {
        let mut nodes = children(node);
        let name = nodes.find(|child| kind(child) == "identifier")?;
        let value = nodes.find(|child| kind(child) == "expression")?;
        let value = self.expression(value, 0);
        Some(Item { name: self.name(name), range: node.byte_range().into(), content: Content::Attribute(value) })
    }

    /// An `expression` node.
    fn expression(&self, node: Node<'_>, depth: usize) -> Expr {
        let kind = if node.has_error() {
            ExprKind::Unreadable
        } else {
            let nodes: Vec<_> = children(node).collect();
            self.terms(&nodes, depth + 1)
        };
        Expr { range: node.byte_range().into(), kind }
    }

    /// A term and the steps behind it, which the grammar puts side by side.
    fn terms(&self, nodes: &[Node<'_>], depth: usize) -> ExprKind {
        let Some((first, rest)) = nodes.split_first() else { return ExprKind::Unreadable };
        if depth > MAX_DEPTH {
            return ExprKind::Unreadable;
        }
        if matches!(kind(first), "operation" | "conditional") {
            return self.operation(nodes, depth + 1);
        }
        let root = self.term(*first, depth);
        if rest.is_empty() {
            return root;
        }
        let mut steps = Vec::with_capacity(rest.len());
        for node in rest {
            if steps.len() > MAX_TRAVERSAL || !self.step(*node, &mut steps, depth) {
                return ExprKind::Unreadable;
            }
        }
        ExprKind::Traversal(Box::new(Expr { range: first.byte_range().into(), kind: root }), steps.into())
    }

    fn step(&self, node: Node<'_>, steps: &mut Vec<Step>, depth: usize) -> bool {
        match kind(&node) {
            "get_attr" => match children(node).next() {
                Some(name) => steps.push(Step::Attribute(self.name(name))),
                None => return false,
            },
            "index" => {
                let Some(index) = children(node).next() else { return false };
                match children(index).next() {
                    Some(expression) => steps.push(Step::Index(Box::new(self.expression(expression, depth + 1)))),
                    // `.0`
                    None => match self.text(index).trim_start_matches('.').parse() {
                        Ok(number) => {
                            let expr = Expr { range: index.byte_range().into(), kind: ExprKind::Number(number) };
                            steps.push(Step::Index(Box::new(expr)));
                        }
                        Err(_) => return false,
                    },
                }
            }
            "splat" => {
                let inner = children(node).next();
                let of_names = inner.is_some_and(|splat| kind(&splat) == "attr_splat");
                steps.push(if of_names { Step::AttributeSplat } else { Step::Splat });
                return inner.is_none_or(|splat| children(splat).all(|node| self.step(node, steps, depth)));
            }
            _ => return false,
        }
        true
    }

    fn term(&self, node: Node<'_>, depth: usize) -> ExprKind {
        let mut nodes = children(node);
        match kind(&node) {
            // `( … )`
            "expression" => self.expression(node, depth).kind,
            "literal_value" => nodes.next().map_or(ExprKind::Unreadable, |literal| self.literal(literal)),
            "template_expr" => nodes.next().map_or(ExprKind::Unreadable, |template| self.template(template, depth)),
            "collection_value" => nodes.next().map_or(ExprKind::Unreadable, |node| self.collection(node, depth)),
            "variable_expr" => ExprKind::Variable(self.name(node)),
            "function_call" => self.function_call(node, depth),
            "for_expr" => nodes.next().and_then(|node| self.comprehension(node, depth)).unwrap_or(ExprKind::Unreadable),
            _ => ExprKind::Unreadable,
        }
    }

    fn literal(&self, node: Node<'_>) -> ExprKind {
        match kind(&node) {
            "bool_lit" => ExprKind::Bool(self.text(node) == "true"),
            "null_lit" => ExprKind::Null,
            "numeric_lit" => number(self.text(node)),
            "string_lit" => self.quoted(node, 0),
            _ => ExprKind::Unreadable,
        }
    }

    fn template(&self, node: Node<'_>, depth: usize) -> ExprKind {
        match kind(&node) {
            "quoted_template" => self.quoted(node, depth),
            "heredoc_template" => {
                let mut tags = children(node).filter(|child| kind(child) == "heredoc_identifier");
                let (Some(first), Some(last)) = (tags.next(), tags.next_back()) else {
                    return ExprKind::Unreadable;
                };
                let first_line =
                    self.source[first.end_byte()..].find('\n').map_or(first.end_byte(), |at| first.end_byte() + at + 1);
                // The line of the closing mark is none of the text.
                let last_line = self.source[..last.start_byte()].rfind('\n').map_or(0, |at| at + 1);
                let content = first_line..last_line.max(first_line);
                let mut template = self.parts(node, content, true, depth);
                if self.text(node).starts_with("<<-")
                    && let ExprKind::Template(template) = &mut template
                    && unindent(&mut template.parts).is_none()
                {
                    let mut parts = std::mem::take(&mut template.parts).into_vec();
                    parts.push(Part::Unknown);
                    template.parts = parts.into();
                }
                template
            }
            _ => ExprKind::Unreadable,
        }
    }

    fn quoted(&self, node: Node<'_>, depth: usize) -> ExprKind {
        let content = node.start_byte() + 1..node.end_byte().saturating_sub(1).max(node.start_byte() + 1);
        self.parts(node, content, false, depth)
    }

    fn parts(&self, node: Node<'_>, content: Range<usize>, heredoc: bool, depth: usize) -> ExprKind {
        // Most strings are of one part, and there are many of them.
        let mut parts = Vec::with_capacity(1);
        let mut at = content.start;
        let within = children(node).filter(|child| child.start_byte() >= content.start);
        for child in within.filter(|child| matches!(kind(child), "template_interpolation" | "template_directive")) {
            self.push_text(at..child.start_byte(), heredoc, &mut parts);
            parts.push(self.part(child, heredoc, depth + 1));
            at = child.end_byte();
        }
        self.push_text(at..content.end, heredoc, &mut parts);
        ExprKind::Template(Template { parts: parts.into(), content: content.into(), heredoc })
    }

    fn push_text(&self, range: Range<usize>, heredoc: bool, parts: &mut Vec<Part>) {
        let Some(text) = self.source.get(range).filter(|text| !text.is_empty()) else { return };
        parts.push(if heredoc {
            let escaped = text.contains("$${") || text.contains("%%{");
            let unescaped = if escaped { text.replace("$${", "${").replace("%%{", "%{") } else { text.to_owned() };
            Part::Text { text: unescaped.into(), verbatim: !escaped }
        } else if text.contains(['\\', '$', '%']) {
            match unescape(text) {
                Some(unescaped) => Part::Text { verbatim: unescaped == text, text: unescaped.into() },
                None => Part::Unknown,
            }
        } else {
            Part::Text { text: interned(text), verbatim: true }
        });
    }

    fn part(&self, node: Node<'_>, heredoc: bool, depth: usize) -> Part {
        // A strip marker takes white space away from what stands beside it.
        if kind(&node) == "template_interpolation" {
            let stripped = children(node).any(|child| kind(&child) == "strip_marker");
            let expression = children(node).find(|child| kind(child) == "expression");
            return match expression {
                Some(expression) if !stripped => Part::Interpolation(Box::new(self.expression(expression, depth))),
                _ => Part::Unknown,
            };
        }
        let Some(directive) = children(node).next().filter(|node| kind(node) == "template_if") else {
            return Part::Unknown;
        };
        let (mut condition, mut yes, mut no) = (None, Vec::new(), Vec::new());
        let mut in_else = false;
        for child in children(directive) {
            let branch = if in_else { &mut no } else { &mut yes };
            match kind(&child) {
                "template_if_intro" => {
                    if children(child).any(|node| kind(&node) == "strip_marker") {
                        return Part::Unknown;
                    }
                    condition = children(child).find(|node| kind(node) == "expression");
                }
                "template_else_intro" => in_else = true,
                "template_literal" => self.push_text(child.byte_range(), heredoc, branch),
                "template_interpolation" | "template_directive" if depth < MAX_DEPTH => {
                    branch.push(self.part(child, heredoc, depth + 1));
                }
                "template_if_end" => {}
                _ => return Part::Unknown,
            }
        }
        match condition {
            Some(condition) => Part::If(Box::new((self.expression(condition, depth), yes, no))),
            None => Part::Unknown,
        }
    }

    fn collection(&self, node: Node<'_>, depth: usize) -> ExprKind {
        match kind(&node) {
            "tuple" => ExprKind::List(
                children(node)
                    .filter(|child| kind(child) == "expression")
                    .map(|child| self.expression(child, depth + 1))
                    .collect(),
            ),
            "object" => {
                let (mut elements, mut open) = (Vec::new(), false);
                for child in children(node) {
                    match kind(&child) {
                        "object_elem" => match self.element(child, depth + 1) {
                            Some(element) => elements.push(element),
                            None => open = true,
                        },
                        "ERROR" => open = true,
                        _ => {}
                    }
                }
                ExprKind::Object { elements: elements.into(), open }
            }
            _ => ExprKind::Unreadable,
        }
    }

    fn element(&self, node: Node<'_>, depth: usize) -> Option<Element> {
        let written = node.child_by_field_name("key")?;
        let value = self.expression(node.child_by_field_name("val")?, depth);
        let mut parts = children(written);
        let key = match (parts.next(), parts.next()) {
            // A bare word is a name, not a reference; in parentheses it is a reference.
            (Some(word), None)
                if kind(&word) == "variable_expr" && self.text(written).trim() == self.text(word).trim() =>
            {
                let part = Part::Text { text: self.name(word), verbatim: true };
                let template = Template { parts: [part].into(), content: word.byte_range().into(), heredoc: false };
                Expr { range: word.byte_range().into(), kind: ExprKind::Template(template) }
            }
            _ => self.expression(written, depth),
        };
        Some(Element { range: node.byte_range().into(), key, value })
    }

    fn function_call(&self, node: Node<'_>, depth: usize) -> ExprKind {
        let mut nodes = children(node);
        let Some(name) = nodes.next().filter(|node| kind(node) == "identifier") else {
            return ExprKind::Unreadable;
        };
        let (mut arguments, mut expand) = (Vec::new(), false);
        for child in nodes.filter(|child| kind(child) == "function_arguments").flat_map(children) {
            match kind(&child) {
                "expression" => arguments.push(self.expression(child, depth + 1)),
                "ellipsis" => expand = true,
                _ => return ExprKind::Unreadable,
            }
        }
        ExprKind::Call(Box::new(Call { name: self.name(name), arguments: arguments.into(), expand }))
    }

    /// An operation or a conditional. In `!a.b` and `1 + a.b` the grammar puts `.b` beside the operation, though it belongs to
    /// the last operand, in `1 + a.b * 2` it takes `1 + a.b` together, and in `a ? b : c ? d : e` what stands before the last
    /// question mark; so what binds what is found out here.
    fn operation(&self, nodes: &[Node<'_>], depth: usize) -> ExprKind {
        let mut tokens: Vec<Token<'_>> = Vec::new();
        let mut is_enclosed = false;
        let mut open: Vec<Node<'_>> = nodes.iter().rev().copied().collect();
        while let Some(node) = open.pop() {
            match (kind(&node), tokens.last_mut()) {
                ("expression", _) if is_enclosed => tokens.push(Token::Operand(vec![node])),
                ("operation" | "binary_operation" | "unary_operation" | "conditional" | "expression", _) => {
                    let mut cursor = node.walk();
                    let inside: Vec<_> = node.children(&mut cursor).collect();
                    open.extend(inside.into_iter().rev());
                }
                ("comment" | ")", _) => {}
                // What stands in parentheses is one expression.
                ("(", _) => {
                    is_enclosed = true;
                    continue;
                }
                ("?", _) => tokens.push(Token::Question),
                (":", _) => tokens.push(Token::Colon),
                ("get_attr" | "index" | "splat", Some(Token::Operand(nodes))) => nodes.push(node),
                (text, _) if !node.is_named() => match operator(text) {
                    Some(operator) => tokens.push(Token::Operator(operator, node.start_byte())),
                    None => return ExprKind::Unreadable,
                },
                _ => tokens.push(Token::Operand(vec![node])),
            }
            is_enclosed = false;
            if tokens.len() > MAX_OPERANDS {
                return ExprKind::Unreadable;
            }
        }
        let mut rest = tokens.as_slice();
        match self.choice(&mut rest, depth) {
            Some(expr) if rest.is_empty() => expr.kind,
            _ => ExprKind::Unreadable,
        }
    }

    /// Operands, or a condition and what follows from it.
    fn choice(&self, tokens: &mut &[Token<'_>], depth: usize) -> Option<Expr> {
        let condition = self.operands(tokens, 0, depth)?;
        let Some((Token::Question, rest)) = tokens.split_first() else { return Some(condition) };
        *tokens = rest;
        let yes = self.choice(tokens, depth)?;
        let (Token::Colon, rest) = tokens.split_first()? else { return None };
        *tokens = rest;
        let no = self.choice(tokens, depth)?;
        let range = condition.range.start()..no.range.end();
        Some(Expr { range: range.into(), kind: ExprKind::Conditional(Box::new([condition, yes, no])) })
    }

    /// Operands joined by operators that bind at least so strong.
    fn operands(&self, tokens: &mut &[Token<'_>], least: u8, depth: usize) -> Option<Expr> {
        let mut left = self.operand(tokens, depth)?;
        while let Some((Token::Operator(operator, _), rest)) = tokens.split_first() {
            let binds = strength(*operator);
            if binds <= least {
                break;
            }
            *tokens = rest;
            let right = self.operands(tokens, binds, depth)?;
            let range = left.range.start()..right.range.end();
            left = Expr { range: range.into(), kind: ExprKind::Binary(*operator, Box::new([left, right])) };
        }
        Some(left)
    }

    fn operand(&self, tokens: &mut &[Token<'_>], depth: usize) -> Option<Expr> {
        let (first, rest) = tokens.split_first()?;
        *tokens = rest;
        match first {
            Token::Operand(nodes) => {
                let range = nodes.first()?.start_byte()..nodes.last()?.end_byte();
                Some(Expr { range: range.into(), kind: self.terms(nodes, depth + 1) })
            }
            Token::Operator(operator @ (Operator::Subtract | Operator::Not), start) => {
                let operand = self.operand(tokens, depth)?;
                Some(Expr {
                    range: (*start..operand.range.end()).into(),
                    kind: ExprKind::Unary(*operator, Box::new(operand)),
                })
            }
            Token::Operator(..) | Token::Question | Token::Colon => None,
        }
    }

    fn comprehension(&self, node: Node<'_>, depth: usize) -> Option<ExprKind> {
        let (mut names, mut collection, mut results, mut grouped, mut condition) =
            (Vec::new(), None, Vec::new(), false, None);
        for child in children(node) {
            match kind(&child) {
                "for_intro" => {
                    for part in children(child) {
                        match kind(&part) {
                            "identifier" => names.push(self.name(part)),
                            "expression" => collection = Some(self.expression(part, depth + 1)),
                            _ => {}
                        }
                    }
                }
                "expression" => results.push(self.expression(child, depth + 1)),
                "ellipsis" => grouped = true,
                "for_cond" => {
                    condition = children(child).next().map(|node| self.expression(node, depth + 1));
                }
                _ => {}
            }
        }
        let value_name = names.pop()?;
        let value = results.pop()?;
        let key = results.pop();
        Some(ExprKind::For(Box::new(For {
            key_name: names.pop(),
            value_name,
            collection: collection?,
            key,
            value,
            grouped,
            condition,
        })))
    }
}

/// Takes the indentation away that all lines of a heredoc have, as `<<-` asks for. `None` where it is not certain what
/// Terraform makes of them: of lines without text, of tabs, of directives.
fn unindent(parts: &mut [Part]) -> Option<()> {
    let (mut least, mut is_start) = (usize::MAX, true);
    for part in &*parts {
        let Part::Text { text, .. } = part else {
            least = if is_start { 0 } else { least };
            is_start = false;
            matches!(part, Part::Interpolation(_)).then_some(())?;
            continue;
        };
        for line in text.split_inclusive('\n') {
            let inside = line.trim_start_matches(' ');
            if is_start {
                (!inside.starts_with(char::is_whitespace)).then_some(())?;
                least = least.min(line.len() - inside.len());
            }
            is_start = line.ends_with('\n');
        }
    }
    let mut is_start = true;
    for part in parts {
        let Part::Text { text, .. } = part else {
            is_start = false;
            continue;
        };
        let mut made = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            made.push_str(if is_start { line.get(least..)? } else { line });
            is_start = line.ends_with('\n');
        }
        *text = made.into();
    }
    Some(())
}

/// A part of an operation.
enum Token<'t> {
    /// An operator, and where it stands.
    Operator(Operator, usize),
    /// A term and its steps.
    Operand(Vec<Node<'t>>),
    /// `?`.
    Question,
    /// `:`.
    Colon,
}

/// How strong an operator binds.
fn strength(operator: Operator) -> u8 {
    match operator {
        Operator::Or => 1,
        Operator::And => 2,
        Operator::Equal | Operator::NotEqual => 3,
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => 4,
        Operator::Add | Operator::Subtract => 5,
        Operator::Multiply | Operator::Divide | Operator::Remainder => 6,
        Operator::Not => 7,
    }
}

fn operator(text: &str) -> Option<Operator> {
    Some(match text {
        "+" => Operator::Add,
        "-" => Operator::Subtract,
        "*" => Operator::Multiply,
        "/" => Operator::Divide,
        "%" => Operator::Remainder,
        "==" => Operator::Equal,
        "!=" => Operator::NotEqual,
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterOrEqual,
        "&&" => Operator::And,
        "||" => Operator::Or,
        "!" => Operator::Not,
        _ => return None,
    })
}

/// Kind and address of a block.
pub(super) fn names(name: &str, labels: &[String]) -> (String, String) {
    let label = |index: usize| labels.get(index).map_or("", String::as_str);
    match (name, labels.len()) {
        ("resource", 2) => (label(0).to_owned(), format!("{}.{}", label(0), label(1))),
        ("data" | "ephemeral" | "source", 2) => {
            (format!("{name}.{}", label(0)), format!("{name}.{}.{}", label(0), label(1)))
        }
        ("provider", 1) => (format!("provider.{}", label(0)), format!("provider.{}", label(0))),
        ("variable", 1) => ("variable".to_owned(), format!("var.{}", label(0))),
        (name, _) => (name.to_owned(), [&[name.to_owned()], labels].concat().join(".")),
    }
}

/// A block with what it mentions.
pub(crate) fn finished(kind: &str, address: &str, range: Range<usize>, body: Items) -> Block {
    let mut mentions = Mentions::default();
    mentions_of_items(&body.entries, &mut mentions);
    mentions.addresses.remove(address);
    Block {
        kind: interned(kind),
        address: interned(address),
        range: range.into(),
        header: 0,
        body,
        mentions: mentions.addresses.into_iter().collect(),
        files: mentions.files.into(),
    }
}

/// A block that mentions some addresses besides, which stand in it as plain text.
pub(crate) fn mentioning(mut block: Block, names: impl IntoIterator<Item = String>) -> Block {
    let own = block.address.to_string();
    let mut mentions: BTreeSet<Arc<str>> = block.mentions.iter().cloned().collect();
    mentions.extend(names.into_iter().filter(|name| *name != own).map(|name| interned(&name)));
    block.mentions = mentions.into_iter().collect();
    block
}

/// A value that stands by itself: of a variable file, of `locals`.
pub(crate) fn value_block(address: &str, item: Item) -> Block {
    let anchor = item.range.start()..item.range.start() + item.name.len();
    let range = item.range;
    finished("value", address, range.range(), Items { entries: vec![item], anchor: anchor.into(), ..Items::default() })
}

/// Each entry of a `locals` block by itself.
fn locals(items: &Items, blocks: &mut Vec<Block>) {
    for item in &items.entries {
        if matches!(item.content, Content::Attribute(_)) {
            let mut block = value_block(&format!("local.{}", item.name), item.clone());
            block.kind = "local".into();
            blocks.push(block);
        }
    }
}

/// A nested block; `dynamic` makes any number of blocks of another name.
pub(super) fn nested_block(name: &str, labels: &[String], items: Items, range: Range<usize>) -> Item {
    if name != "dynamic" {
        return Item { name: interned(name), range: range.into(), content: Content::Block(Box::new(items)) };
    }
    let name: Arc<str> = labels.first().map_or("", String::as_str).into();
    let iterator = items.attribute("iterator").and_then(|expr| match &expr.kind {
        ExprKind::Variable(name) => Some(Arc::clone(name)),
        _ => None,
    });
    let dynamic = Dynamic {
        for_each: items.attribute("for_each").cloned(),
        iterator: iterator.unwrap_or_else(|| Arc::clone(&name)),
        content: items.blocks("content").next().cloned().unwrap_or_default(),
    };
    Item { name, range: range.into(), content: Content::Dynamic(Box::new(dynamic)) }
}

fn nested(block: Written<'_>, range: Range<usize>) -> Item {
    nested_block(block.name, &block.labels, block.items, range)
}

/// Terragrunt's `remote_state { backend = "s3", config = { … } }` sets up the same backend as Terraform's own block.
fn remote_state(items: &Items) -> Option<Block> {
    let backend = text_of(items.attribute("backend")?)?;
    let config = items.entries.iter().find(|item| &*item.name == "config")?;
    let Content::Attribute(Expr { kind: ExprKind::Object { elements, open }, range }) = &config.content else {
        return None;
    };
    let item = |element: &Element| {
        let content = Content::Attribute(element.value.clone());
        Some(Item { name: text_of(&element.key)?.into(), range: element.range, content })
    };
    let body = Items {
        entries: elements.iter().filter_map(item).collect(),
        anchor: (range.start()..range.start() + 1).into(),
        close: None,
        open: *open,
    };
    let name = format!("backend.{backend}");
    Some(finished(&name, &name, config.range.range(), body))
}

/// The string that an expression is, where it is no more than that.
pub(crate) fn text_of(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Template(template) => match &*template.parts {
            [Part::Text { text, .. }] => Some(text),
            [] => Some(""),
            _ => None,
        },
        _ => None,
    }
}

/// What is told of the names in expressions.
pub(super) trait Mentioned {
    /// An address, and the steps behind it.
    fn address(&mut self, address: Arc<str>, rest: &[Step]);
    /// The path of a file that is read.
    fn file(&mut self, _: &Expr) {}
}

/// What expressions mention.
#[derive(Default)]
pub(super) struct Mentions {
    pub(super) addresses: BTreeSet<Arc<str>>,
    files: Vec<Expr>,
}

impl Mentioned for Mentions {
    fn address(&mut self, address: Arc<str>, _: &[Step]) {
        // The same ones are mentioned all over a module.
        if !self.addresses.contains(&address) {
            self.addresses.insert(interned(&address));
        }
    }

    fn file(&mut self, path: &Expr) {
        self.files.push(path.clone());
    }
}

impl<F: FnMut(&str, &[Step])> Mentioned for F {
    fn address(&mut self, address: Arc<str>, rest: &[Step]) {
        self(&address, rest);
    }
}

impl Item {
    /// Calls `each` with every address that it mentions and the steps behind it, in order of the text: with
    /// `module.network` and `.vpc_id`, for one.
    pub fn for_each_mention(&self, mut each: impl FnMut(&str, &[Step])) {
        mentions_of_item(self, &mut each);
    }
}

pub(super) fn mentions_of_items(items: &[Item], mentions: &mut impl Mentioned) {
    for item in items {
        mentions_of_item(item, mentions);
    }
}

fn mentions_of_item(item: &Item, mentions: &mut impl Mentioned) {
    match &item.content {
        Content::Attribute(value) => mentions_of(value, mentions),
        Content::Block(items) => mentions_of_items(&items.entries, mentions),
        Content::Dynamic(dynamic) => {
            if let Some(for_each) = &dynamic.for_each {
                mentions_of(for_each, mentions);
            }
            mentions_of_items(&dynamic.content.entries, mentions);
        }
    }
}

pub(super) fn mentions_of(expr: &Expr, mentions: &mut impl Mentioned) {
    match &expr.kind {
        ExprKind::Variable(name) => {
            mentions.address(Arc::clone(name), &[]);
        }
        ExprKind::Traversal(root, steps) => {
            match address_of(root, steps) {
                Some((address, used)) => mentions.address(address, steps.get(used..).unwrap_or_default()),
                None => mentions_of(root, mentions),
            }
            for step in steps {
                if let Step::Index(index) = step {
                    mentions_of(index, mentions);
                }
            }
        }
        ExprKind::Template(template) => mentions_of_parts(&template.parts, mentions),
        ExprKind::Call(call) => {
            match (&*call.name, call.arguments.first()) {
                ("file", Some(path)) => mentions.file(path),
                (IMPORT_VALUE, Some(name)) => {
                    if let Some(name) = text_of(name) {
                        mentions.address(interned(&export(name)), &[]);
                    }
                }
                _ => {}
            }
            for argument in &call.arguments {
                mentions_of(argument, mentions);
            }
        }
        ExprKind::List(values) => {
            for value in values {
                mentions_of(value, mentions);
            }
        }
        ExprKind::Object { elements, .. } => {
            for element in elements {
                mentions_of(&element.key, mentions);
                mentions_of(&element.value, mentions);
            }
        }
        ExprKind::Conditional(parts) => parts.iter().for_each(|part| mentions_of(part, mentions)),
        ExprKind::Unary(_, operand) => mentions_of(operand, mentions),
        ExprKind::Binary(_, parts) => parts.iter().for_each(|part| mentions_of(part, mentions)),
        ExprKind::For(parts) => {
            let For { collection, key, value, condition, .. } = &**parts;
            for part in [Some(collection), key.as_ref(), Some(value), condition.as_ref()].into_iter().flatten() {
                mentions_of(part, mentions);
            }
        }
        ExprKind::Null | ExprKind::Bool(_) | ExprKind::Number(_) | ExprKind::Unreadable => {}
    }
}

fn mentions_of_parts(parts: &[Part], mentions: &mut impl Mentioned) {
    for part in parts {
        match part {
            Part::Interpolation(expr) => mentions_of(expr, mentions),
            Part::If(parts) => {
                mentions_of(&parts.0, mentions);
                mentions_of_parts(&parts.1, mentions);
                mentions_of_parts(&parts.2, mentions);
            }
            Part::Text { .. } | Part::Unknown => {}
        }
    }
}

/// The address that a traversal leads to, and how many of its steps belong to it.
pub(super) fn address_of(root: &Expr, steps: &[Step]) -> Option<(Arc<str>, usize)> {
    let ExprKind::Variable(first) = &root.kind else { return None };
    let name = |index: usize| match steps.get(index) {
        Some(Step::Attribute(name)) => Some(&**name),
        _ => None,
    };
    match &**first {
        "data" | "ephemeral" => Some((format!("{first}.{}.{}", name(0)?, name(1)?).into(), 2)),
        "each" | "count" | "path" | "terraform" | "self" => Some((Arc::clone(first), 0)),
        _ => Some((format!("{first}.{}", name(0)?).into(), 1)),
    }
}

/// A number as it is written; one that a float would round is not read.
pub(crate) fn number(text: &str) -> ExprKind {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    match text.parse::<f64>() {
        Ok(number) if digits <= 15 && number.is_finite() => ExprKind::Number(number),
        _ => ExprKind::Unreadable,
    }
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("$${") || rest.starts_with("%%{") {
            out.push(c);
            out.push('{');
            rest = &rest[3..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        if c != '\\' {
            out.push(c);
            continue;
        }
        let escape = rest.chars().next()?;
        rest = &rest[escape.len_utf8()..];
        let digits = match escape {
            'n' => {
                out.push('\n');
                continue;
            }
            'r' => {
                out.push('\r');
                continue;
            }
            't' => {
                out.push('\t');
                continue;
            }
            '"' | '\\' => {
                out.push(escape);
                continue;
            }
            'u' => 4,
            'U' => 8,
            _ => return None,
        };
        out.push(char::from_u32(u32::from_str_radix(rest.get(..digits)?, 16).ok()?)?);
        rest = &rest[digits..];
    }
    Some(out)
}

thread_local! {
    static NAMES: RefCell<FxHashSet<Arc<str>>> = RefCell::default();
}

/// Names and short texts that are kept for the next who has one of them: the same few hundred stand in every file.
const MAX_NAMES: usize = 4096;

/// Longest name that is kept, in bytes.
const MAX_NAME: usize = 64;

/// A name, in the same place as the others that are equal to it.
pub(crate) fn interned(name: &str) -> Arc<str> {
    if name.len() > MAX_NAME {
        return name.into();
    }
    NAMES.with_borrow_mut(|names| {
        if let Some(known) = names.get(name) {
            Arc::clone(known)
        } else {
            if names.len() >= MAX_NAMES {
                names.clear();
            }
            let new = Arc::<str>::from(name);
            names.insert(Arc::clone(&new));
            new
        }
    })
}

/// The kind of a node. The node itself would read a C string to its end each time.
pub(super) fn kind(node: &Node<'_>) -> &'static str {
    static KINDS: OnceLock<Vec<&'static str>> = OnceLock::new();
    kind_in(&KINDS, node)
}

/// The same, with the kinds that the node's language has.
pub(crate) fn kind_in(kinds: &OnceLock<Vec<&'static str>>, node: &Node<'_>) -> &'static str {
    let kinds = kinds.get_or_init(|| {
        let language = node.language();
        (0..u16::try_from(language.node_kind_count()).unwrap_or(0))
            .map(|id| language.node_kind_for_id(id).unwrap_or_default())
            .collect()
    });
    kinds.get(usize::from(node.kind_id())).copied().unwrap_or_else(|| node.kind())
}

/// Named children without comments. Collected through a cursor: asking a node for its n-th child walks over those before.
pub(super) fn children(node: Node<'_>) -> std::vec::IntoIter<Node<'_>> {
    let mut cursor = node.walk();
    let children: Vec<_> = node.named_children(&mut cursor).filter(|child| kind(child) != "comment").collect();
    children.into_iter()
}
