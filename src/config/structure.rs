//! The structure of a file: known keys, right types, nothing missing.
//!
//! Checked against the JSON Schema that is made from the types of [`spec`](super::spec), so that the
//! program, the editor and the manual cannot disagree; and so that all problems are found, not the first.

use std::collections::BTreeSet;

use jsonschema::JsonType;
use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind};
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde_json::Value;

use super::problem::{Problem, key_of_pointer, nearest};
use super::secret::looks_secret;
use super::yaml::{Document, escape};

/// The JSON Schema of `T`.
pub fn schema_of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>()
}

/// One way in which a document is not shaped as it must be.
#[derive(Debug)]
pub struct Misfit {
    /// What is said of it.
    pub problem: Problem,
    /// The node that it is about; as a key that is missing, it is not there.
    pub pointer: String,
    /// The node without which the rest might be shaped well.
    pub left_out: String,
    /// The key that was probably meant by one that is not known.
    pub meant: Option<String>,
}

/// Every way in which `document` is not shaped like a `T`.
pub fn misfits<T: JsonSchema>(document: &Document) -> Vec<Misfit> {
    let schema = schema_of::<T>().to_value();
    let validator = match jsonschema::draft202012::new(&schema) {
        Ok(validator) => validator,
        // The schema is our own; a test compiles it.
        Err(error) => {
            let message = format!("cannot be checked: {error}");
            let problem = Problem { place: None, key: String::new(), message, hint: None };
            return vec![Misfit { problem, pointer: String::new(), left_out: String::new(), meant: None }];
        }
    };
    let words = Words { document, schema: &schema };
    let mut misfits: Vec<Misfit> =
        validator.iter_errors(&document.value).flat_map(|error| words.explain(&error)).collect();
    misfits.sort_by_key(|misfit| misfit.problem.place);
    misfits
}

/// What is left of `document` without its `misfits`, if that is shaped like a `T`: their nodes are left out and,
/// where one was needed, what is around it. Nothing is left if that is the whole.
pub fn rest<T: JsonSchema>(document: &Document, misfits: &[Misfit]) -> Option<Document> {
    let mut left_out: BTreeSet<String> = misfits.iter().map(|misfit| misfit.left_out.clone()).collect();
    loop {
        if left_out.contains("") {
            return None;
        }
        let rest = document.without(&left_out);
        let further = self::misfits::<T>(&rest);
        if further.is_empty() {
            return Some(rest);
        }
        let before = left_out.len();
        left_out.extend(further.iter().map(|misfit| rest.typed(&misfit.left_out)));
        if left_out.len() == before {
            return None;
        }
    }
}

/// Puts what the validator finds into the words of the file.
struct Words<'a> {
    document: &'a Document,
    schema: &'a Value,
}

impl Words<'_> {
    fn explain(&self, error: &ValidationError<'_>) -> Vec<Misfit> {
        let pointer = error.instance_path().as_str();
        let path = error.schema_path().as_str();
        let instance: &Value = error.instance();
        let shown = || if looks_secret(pointer) { "given".to_owned() } else { short(instance) };
        let (message, hint) = match error.kind() {
            ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
                return self.alternatives(error, context);
            }
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                return unexpected
                    .iter()
                    .map(|key| self.unknown_key(pointer, key, &self.keys(path)))
                    .collect();
            }
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                let meaning = self.owner(path).and_then(|owner| meaning(owner.get("properties")?.get(name)?));
                let missing = format!("{pointer}/{}", escape(name));
                let problem = Problem {
                    place: self.document.place(pointer),
                    key: key_of_pointer(&missing),
                    message: "is missing".to_owned(),
                    hint: meaning,
                };
                let left_out = pointer.to_owned();
                return vec![Misfit { problem, pointer: missing, left_out, meant: None }];
            }
            ValidationErrorKind::Type { kind } => {
                let wanted = wanted(kind);
                let names: Vec<_> = wanted.iter().filter_map(|kind| word_of(*kind)).collect();
                let hint = if looks_secret(pointer) {
                    Some("secrets stand under `secrets`, as `{ env: NAME }` or `{ file: PATH }`".to_owned())
                } else {
                    self.hint_for_type(&wanted, instance, path)
                };
                (format!("is {}, but must be {}", shown(), names.join(" or ")), hint)
            }
            ValidationErrorKind::Enum { options } => {
                let options: Vec<String> = options.as_array().into_iter().flatten().map(bare).collect();
                one_of(&shown(), instance, &options)
            }
            ValidationErrorKind::Minimum { limit } => {
                (format!("is {}, but must be at least {limit}", shown()), self.owner(path).and_then(meaning))
            }
            ValidationErrorKind::Maximum { limit } => {
                (format!("is {}, but must be at most {limit}", shown()), self.owner(path).and_then(meaning))
            }
            ValidationErrorKind::MinItems { limit } | ValidationErrorKind::MaxItems { limit } => {
                let length = instance.as_array().map_or(0, Vec::len);
                (
                    format!("is a list of {length}, but must be a list of {limit}"),
                    self.owner(path).and_then(meaning),
                )
            }
            _ => (format!("is {}: {error}", shown()), None),
        };
        vec![self.problem(pointer, message, hint)]
    }

    fn problem(&self, pointer: &str, message: String, hint: Option<String>) -> Misfit {
        let problem =
            Problem { place: self.document.place(pointer), key: key_of_pointer(pointer), message, hint };
        Misfit { problem, pointer: pointer.to_owned(), left_out: pointer.to_owned(), meant: None }
    }

    fn unknown_key(&self, pointer: &str, key: &str, known: &[String]) -> Misfit {
        let child = format!("{pointer}/{}", escape(key));
        let near = nearest(key, known.iter().map(String::as_str));
        let meant = near.map(|near| format!("{pointer}/{}", escape(near)));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        let problem = Problem {
            place: self.document.key_place(&child),
            key: key_of_pointer(&child),
            message: "is not a known key".to_owned(),
            hint: Some(hint),
        };
        Misfit { problem, pointer: child.clone(), left_out: child, meant }
    }

    /// None of several shapes fits: what is wrong with the one that was meant, or which there are.
    fn alternatives(
        &self,
        error: &ValidationError<'_>,
        branches: &[Vec<ValidationError<'static>>],
    ) -> Vec<Misfit> {
        let pointer = error.instance_path().as_str();
        let path = error.schema_path().as_str();
        let instance: &Value = error.instance();
        if path.ends_with("/SecretSpec/oneOf") {
            let hint = "`{ env: NAME }` for an environment variable, or `{ file: PATH }`";
            let message = "must say where the secret is read from, and only that".to_owned();
            return vec![self.problem(pointer, message, Some(hint.to_owned()))];
        }
        // What may be left out is "one shape or null": the complaint of the shape is the better one.
        let shapes: Vec<_> = branches.iter().filter(|branch| !branch.iter().any(wants_null)).collect();
        if let [shape] = shapes[..] {
            return shape.iter().flat_map(|inner| self.explain(inner)).collect();
        }
        let constants: Vec<String> =
            shapes.iter().filter_map(|shape| shape.iter().find_map(constant)).collect();
        if constants.len() == shapes.len() {
            let (message, hint) = one_of(&short(instance), instance, &constants);
            return vec![self.problem(pointer, message, hint)];
        }
        // The shape whose own keys fit is the one that was meant: its problems lie further in.
        let is_further_in = |inner: &ValidationError<'_>| {
            inner.instance_path().as_str() != pointer || is_of_length(inner.kind())
        };
        if let Some(meant) = shapes.iter().find(|shape| shape.iter().all(is_further_in)) {
            return meant.iter().flat_map(|inner| self.explain(inner)).collect();
        }
        let options: Vec<String> = self.alternative_keys(path);
        match instance.as_object() {
            Some(map) if !options.is_empty() => {
                let unknown: Vec<_> = map.keys().filter(|key| !options.contains(key)).collect();
                if unknown.is_empty() {
                    let message = format!("needs exactly one of `{}`", options.join("` and `"));
                    let hint = (map.len() > 1).then(|| "make an entry of each".to_owned());
                    return vec![self.problem(pointer, message, hint)];
                }
                unknown.into_iter().map(|key| self.unknown_key(pointer, key, &options)).collect()
            }
            _ => {
                let kinds = shapes.iter().flat_map(|shape| {
                    shape.iter().filter_map(|inner| match inner.kind() {
                        ValidationErrorKind::Type { kind } => {
                            wanted(kind).into_iter().find_map(word_of).map(str::to_owned)
                        }
                        ValidationErrorKind::Enum { options } => {
                            let options = options.as_array().into_iter().flatten();
                            Some(
                                options
                                    .map(|option| format!("`{}`", bare(option)))
                                    .collect::<Vec<_>>()
                                    .join(" or "),
                            )
                        }
                        ValidationErrorKind::Constant { expected_value } => {
                            Some(format!("`{}`", bare(expected_value)))
                        }
                        _ => None,
                    })
                });
                let mut kinds: Vec<String> = kinds.collect();
                kinds.dedup();
                let message = format!("is {}, but must be {}", short(instance), kinds.join(" or "));
                let known = (!options.is_empty()).then(|| format!("known here: {}", options.join(", ")));
                let hint = known.or_else(|| self.owner(path).and_then(meaning));
                vec![self.problem(pointer, message, hint)]
            }
        }
    }

    fn hint_for_type(&self, wanted: &[JsonType], instance: &Value, path: &str) -> Option<String> {
        if wanted.contains(&JsonType::String) && (instance.is_number() || instance.is_boolean()) {
            return Some(format!("if it is a text, put it in quotes: \"{instance}\""));
        }
        if wanted.contains(&JsonType::Array) && instance.is_object() {
            return Some("begin each entry with `- `".to_owned());
        }
        if wanted.contains(&JsonType::Array) && instance.is_string() {
            return Some(format!("`[{}]` is a list of one", bare(instance)));
        }
        let keys = self.keys(path);
        if wanted.contains(&JsonType::Object) && !keys.is_empty() {
            return Some(format!("known here: {}", keys.join(", ")));
        }
        self.owner(path).and_then(meaning)
    }

    /// The part of the schema that the keyword at `path` belongs to.
    fn owner(&self, path: &str) -> Option<&Value> {
        self.schema.pointer(path.rsplit_once('/')?.0)
    }

    /// The keys that the map may have to which the keyword at `path` belongs.
    fn keys(&self, path: &str) -> Vec<String> {
        let properties = self.owner(path).and_then(|owner| owner.get("properties")?.as_object());
        properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
    }

    /// The keys that tell the alternatives at `path` apart.
    fn alternative_keys(&self, path: &str) -> Vec<String> {
        let alternatives = self.schema.pointer(path).and_then(Value::as_array);
        let properties =
            alternatives.into_iter().flatten().filter_map(|shape| shape.get("properties")?.as_object());
        properties.flat_map(|properties| properties.keys().cloned()).collect()
    }
}

fn wants_null(error: &ValidationError<'_>) -> bool {
    matches!(error.kind(), ValidationErrorKind::Type { kind: TypeKind::Single(JsonType::Null) })
}

fn is_of_length(kind: &ValidationErrorKind) -> bool {
    matches!(kind, ValidationErrorKind::MinItems { .. } | ValidationErrorKind::MaxItems { .. })
}

fn constant(error: &ValidationError<'_>) -> Option<String> {
    match error.kind() {
        ValidationErrorKind::Constant { expected_value } => Some(bare(expected_value)),
        _ => None,
    }
}

fn one_of(shown: &str, instance: &Value, options: &[String]) -> (String, Option<String>) {
    let near = instance.as_str().and_then(|typed| nearest(typed, options.iter().map(String::as_str)));
    let message = format!("is {shown}, but must be one of `{}`", options.join("`, `"));
    (message, near.map(|near| format!("did you mean `{near}`?")))
}

/// The types that would have been right; that nothing would have been, too, helps nobody.
fn wanted(kind: &TypeKind) -> Vec<JsonType> {
    match kind {
        TypeKind::Single(kind) => vec![*kind],
        TypeKind::Multiple(kinds) => kinds.iter().filter(|kind| *kind != JsonType::Null).collect(),
    }
}

/// A type in the words of YAML.
fn word_of(kind: JsonType) -> Option<&'static str> {
    Some(match kind {
        JsonType::Object => "a map",
        JsonType::Array => "a list",
        JsonType::String => "a text",
        JsonType::Integer => "a whole number",
        JsonType::Number => "a number",
        JsonType::Boolean => "true or false",
        JsonType::Null => return None,
    })
}

/// What a key means, as the manual has it.
fn meaning(schema: &Value) -> Option<String> {
    Some(schema.get("description")?.as_str()?.replace('\n', " ").trim_end_matches('.').to_owned())
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn short(value: &Value) -> String {
    match value {
        Value::Object(_) => "a map".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Null => "empty".to_owned(),
        other => {
            let text = bare(other);
            let beginning: String = text.chars().take(40).collect();
            let rest = if beginning.len() < text.len() { "…" } else { "" };
            format!("`{beginning}{rest}`")
        }
    }
}

#[cfg(test)]
mod tests;
