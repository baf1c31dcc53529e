//! YAML as a plain value, with the place of every node beside it.
//!
//! Reading is split from meaning so that every problem of a file can be told at once, each with its
//! line: a decoder that stops at the first error could not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Error, Spanned};

use super::problem::Problem;

/// A line and a column, both counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line of the file.
    pub line: u64,
    /// Character of the line.
    pub column: u64,
}

/// A YAML document as JSON, and where each node stands.
#[derive(Debug, Default)]
pub struct Document {
    /// The document; `null` if the file is empty.
    pub value: Value,
    /// JSON pointer to place. A key's own place is under the pointer with `#` at its end.
    places: BTreeMap<String, Place>,
    /// Pointers whose numbers are not those of the file, since entries of a list were left out, to those that are.
    typed: BTreeMap<String, String>,
}

impl Document {
    /// Reads `text`.
    ///
    /// # Errors
    /// What is wrong, and where, if it is not YAML.
    pub fn parse(text: &str) -> Result<Self, Box<Problem>> {
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        // As YAML 1.2 has it: `yes` and `no` are texts, which classes of models often are.
        // And as many comments in a row as somebody likes: `init` lists the columns of a table in them.
        let options = serde_saphyr::options! {
            strict_booleans: true,
            budget: serde_saphyr::budget! { max_buffered_comment_events: usize::MAX },
        };
        let node: Spanned<Node> =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| Box::new(problem(&error)))?;
        let mut document = Self::default();
        document.value = document.record(String::new(), node);
        Ok(document)
    }

    /// Where the node at JSON pointer `pointer` stands, or else the nearest node around it.
    pub fn place(&self, pointer: &str) -> Option<Place> {
        let mut pointer = pointer;
        loop {
            if let Some(place) = self.places.get(pointer) {
                return Some(*place);
            }
            pointer = pointer.rsplit_once('/')?.0;
        }
    }

    /// The nodes whose JSON pointer is `wanted`, and where they stand.
    pub fn places(&self, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = (&str, Place)> {
        let nodes = self.places.iter().map(|(pointer, place)| (pointer.as_str(), *place));
        nodes.filter(move |(pointer, _)| !pointer.ends_with('#') && wanted(pointer))
    }

    /// Where the key that ends `pointer` stands.
    pub fn key_place(&self, pointer: &str) -> Option<Place> {
        self.places.get(&format!("{pointer}#")).copied().or_else(|| self.place(pointer))
    }

    /// The document without the nodes at `left_out`, pointers as typed. The rest keeps its places.
    pub fn without(&self, left_out: &BTreeSet<String>) -> Self {
        let mut document = Self::default();
        document.value = document.copy(self, left_out, "", String::new(), &self.value).unwrap_or_default();
        document
    }

    /// `pointer` as it was before nodes were left out.
    pub fn typed(&self, pointer: &str) -> String {
        let mut known = pointer;
        loop {
            if let Some(typed) = self.typed.get(known) {
                return format!("{typed}{}", &pointer[known.len()..]);
            }
            match known.rsplit_once('/') {
                Some((around, _)) => known = around,
                None => return pointer.to_owned(),
            }
        }
    }

    /// Takes over what stands at `typed` in `from`, unless it is left out, as the node at `pointer`.
    fn copy(
        &mut self,
        from: &Self,
        left_out: &BTreeSet<String>,
        typed: &str,
        pointer: String,
        value: &Value,
    ) -> Option<Value> {
        if left_out.contains(typed) {
            return None;
        }
        let value = match value {
            Value::Array(items) => {
                let mut kept = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    let (typed, child) = (format!("{typed}/{index}"), format!("{pointer}/{}", kept.len()));
                    kept.extend(self.copy(from, left_out, &typed, child, item));
                }
                Value::Array(kept)
            }
            Value::Object(entries) => {
                let mut kept = Map::new();
                for (key, item) in entries {
                    let (typed, child) =
                        (format!("{typed}/{}", escape(key)), format!("{pointer}/{}", escape(key)));
                    if let Some(at) = from.places.get(&format!("{typed}#")) {
                        self.places.insert(format!("{child}#"), *at);
                    }
                    if let Some(item) = self.copy(from, left_out, &typed, child, item) {
                        kept.insert(key.clone(), item);
                    }
                }
                Value::Object(kept)
            }
            scalar => scalar.clone(),
        };
        self.places.extend(from.places.get(typed).map(|at| (pointer.clone(), *at)));
        self.typed.insert(pointer, typed.to_owned());
        Some(value)
    }

    fn record(&mut self, pointer: String, node: Spanned<Node>) -> Value {
        let place = Place { line: node.referenced.line(), column: node.referenced.column() };
        let value = match node.value {
            Node::Scalar(value) => value,
            Node::Sequence(items) => Value::Array(
                items
                    .into_iter()
                    .enumerate()
                    .map(|(index, item)| self.record(format!("{pointer}/{index}"), item))
                    .collect(),
            ),
            Node::Mapping(entries) => {
                let mut map = Map::new();
                for (key, item) in entries {
                    let child = format!("{pointer}/{}", escape(&key.value));
                    let at = Place { line: key.referenced.line(), column: key.referenced.column() };
                    self.places.insert(format!("{child}#"), at);
                    let item = self.record(child, item);
                    map.insert(key.value, item);
                }
                Value::Object(map)
            }
        };
        self.places.insert(pointer, place);
        value
    }
}

/// One segment of a JSON pointer (RFC 6901).
pub fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

/// Why a text is not YAML, in fewer words than the library's.
fn problem(error: &Error) -> Problem {
    let error = error.without_snippet();
    let (message, hint) = match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            (format!("`{key}` stands here a second time"), "keep one of the two")
        }
        Error::NonFiniteFloat { value, .. } => (format!("`{value}` is not finite"), "numbers are finite"),
        Error::MultipleDocuments { .. } => {
            ("a second document begins here".to_owned(), "one file, one document")
        }
        error => {
            let text = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
            let first = text.lines().next().unwrap_or("something is wrong");
            let first = first.split(" at line ").next().unwrap_or(first).trim();
            (
                first.to_owned(),
                "spaces for indentation, `key: value`, and quotes around texts with `: ` or ` #`",
            )
        }
    };
    Problem {
        place: error.location().map(|at| Place { line: at.line(), column: at.column() }),
        key: String::new(),
        message: format!("cannot be read as YAML: {message}"),
        hint: Some(hint.to_owned()),
    }
}

#[derive(Debug)]
enum Node {
    Scalar(Value),
    Sequence(Vec<Spanned<Node>>),
    Mapping(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node, E> {
        Number::from_f64(value)
            .map(|number| Node::Scalar(Value::Number(number)))
            .ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(Value::String(value.to_owned())))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Mapping(entries))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    const TEXT: &str =
        "monitor: churn\nalerts:\n  - rule: a\n    above: 0.5\n  - {rule: b, on: true}\nnone:\n";

    #[test]
    fn values_are_plain_json() {
        let document = Document::parse(TEXT).unwrap();
        let expected = json!({
            "monitor": "churn",
            "alerts": [{"rule": "a", "above": 0.5}, {"rule": "b", "on": true}],
            "none": null,
        });
        assert_eq!(document.value, expected);
    }

    #[test]
    fn many_lines_of_comment_are_read_over() {
        let comments: String = (0..2_000).map(|column| format!("  # column_{column} double\n")).collect();
        let document = Document::parse(&format!("inference:\n{comments}  table: t\n")).unwrap();
        assert_eq!(document.value, json!({ "inference": { "table": "t" } }));
    }

    #[test]
    fn yes_and_no_are_texts() {
        let document = Document::parse("positive_class: yes\nnegative_class: no\non: true\n").unwrap();
        let expected = json!({ "positive_class": "yes", "negative_class": "no", "on": true });
        assert_eq!(document.value, expected);
    }

    #[test]
    fn every_node_and_key_has_its_place() {
        let document = Document::parse(TEXT).unwrap();
        assert_eq!(document.place("/alerts/0/above"), Some(Place { line: 4, column: 12 }));
        assert_eq!(document.key_place("/alerts/1/on"), Some(Place { line: 5, column: 15 }));
        assert_eq!(document.place("/alerts/1/missing"), document.place("/alerts/1"));
    }

    #[test]
    fn what_is_left_of_a_document_keeps_its_places() {
        let document = Document::parse(TEXT).unwrap();
        let left_out = ["/alerts/0", "/none"].map(str::to_owned).into();
        let left = document.without(&left_out);
        assert_eq!(left.value, json!({ "monitor": "churn", "alerts": [{ "rule": "b", "on": true }] }));
        assert_eq!(left.place("/alerts/0/on"), document.place("/alerts/1/on"));
        assert_eq!(left.key_place("/alerts/0/on"), document.key_place("/alerts/1/on"));
        assert_eq!(left.typed("/alerts/0/on"), "/alerts/1/on");
        assert_eq!(left.typed("/alerts/0/missing/one"), "/alerts/1/missing/one");
        assert_eq!(document.typed("/alerts/1/on"), "/alerts/1/on");
    }

    #[test]
    fn broken_yaml_says_where() {
        let problem = Document::parse("a: [1, 2\nb: 3\n").unwrap_err();
        assert!(problem.place.is_some());
        let problem = Document::parse("a: 1\nb: 2\na: 3\n").unwrap_err();
        assert_eq!(problem.place.map(|at| at.line), Some(3), "{}", problem.message);
    }

    #[test]
    fn an_empty_file_is_null() {
        assert_eq!(Document::parse("# nothing\n\n").unwrap().value, Value::Null);
    }
}
