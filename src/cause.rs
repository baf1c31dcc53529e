//! Causes: what the libraries below said, as one plain sentence.
//!
//! An error of theirs comes wrapped in errors of theirs, each of which repeats the one inside and names a
//! Rust type. A person needs the innermost sentence, in the words that the monitor file and Delta use, and
//! whether the store refused, was silent, or has nothing there. This module reads errors; it must not make
//! them.

use std::error::Error;
use std::sync::Arc;

use arrow::error::ArrowError;
use datafusion::common::DataFusionError;
use deltalake::DeltaTableError;
use deltalake::parquet::errors::ParquetError;
use tokio::task::JoinError;

/// Most characters of a cause that are shown.
const LENGTH_MAX: usize = 300;

/// What systems and libraries say where there is no space.
const NO_SPACE: [&str; 3] = ["No space left on device", "no storage space", "quota exceeded"];

/// What the HTTP client says where an answer does not come, or breaks off.
const UNANSWERED: [&str; 2] = ["error sending request", "error decoding response body"];

/// What a library writes in front of its sentences.
const PREFIXES: [&str; 26] = [
    "Arrow error: ",
    "Arrow: ",
    "Cast error: ",
    "Compute error: ",
    "Data Source error: ",
    "Error during planning: ",
    "Error interacting with object store: ",
    "Execution error: ",
    "External error: ",
    "External: ",
    "Failed to read delta log object: ",
    "Generic DeltaTable error: ",
    "Generic LocalFileSystem error: ",
    "Generic delta kernel error: ",
    "Generic error: ",
    "Invalid argument error: ",
    "IO error: ",
    "Json error: ",
    "Kernel error: ",
    "Object Store error: ",
    "Parquet argument error: ",
    "Parquet error: ",
    "Schema error: ",
    "SQL error: ",
    "This feature is not implemented: ",
    "Unsupported: ",
];

/// Arrow's words for types, and Delta's.
const TYPES: [(&str, &str); 14] = [
    ("Decimal128", "decimal"),
    ("Interval(MonthDayNano)", "interval"),
    ("LargeUtf8", "string"),
    ("Utf8View", "string"),
    ("Utf8", "string"),
    ("Int64", "bigint"),
    ("Int32", "int"),
    ("Int16", "smallint"),
    ("Int8", "tinyint"),
    ("Float64", "double"),
    ("Float32", "float"),
    ("Boolean", "boolean"),
    ("Date32", "date"),
    ("LIST", "array"),
];

/// An error and its causes, on one line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).join(": ")
}

/// An error and its causes, each said once; of a library's error, only the innermost.
pub fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let foreign = is_foreign(error);
        let text = if foreign { plain(error) } else { first_line(&error.to_string()) };
        if !causes.iter().any(|known| known.contains(&text)) {
            causes.push(text);
        }
        next = if foreign { None } else { error.source() };
    }
    causes
}

/// What kind of trouble a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody gave credentials, so it was asked who this machine is.
    NoCredentials,
    /// It refuses these credentials.
    Denied,
    /// There is no such bucket.
    NoBucket,
    /// It does not answer.
    Unreachable,
    /// There is no space left.
    Full,
    /// Something else.
    Other,
}

/// Whether and how `error` comes from a store.
pub fn trouble(error: &(dyn Error + 'static)) -> Trouble {
    let text = all(error);
    if ["IMDS", "/latest/api/token", "/latest/meta-data"].iter().any(|word| text.contains(word)) {
        return Trouble::NoCredentials;
    }
    if let Some((status, code)) = answer(&text) {
        return match status {
            401 | 403 => Trouble::Denied,
            404 if code == "NoSuchBucket" => Trouble::NoBucket,
            507 => Trouble::Full,
            500..=599 => Trouble::Unreachable,
            _ => Trouble::Other,
        };
    }
    if NO_SPACE.iter().any(|words| text.contains(words)) {
        Trouble::Full
    } else if text.contains("Permission denied") {
        Trouble::Denied
    } else if UNANSWERED.iter().any(|words| text.contains(words)) {
        Trouble::Unreachable
    } else {
        Trouble::Other
    }
}

/// Whether a store knows who asks, and does not let them: a permission is missing, and not a credential.
pub fn lacks_permission(error: &(dyn Error + 'static)) -> bool {
    answer(&all(error)).is_some_and(|(status, code)| status == 403 && code == "AccessDenied")
}

/// Whether a file of a table may be why: the error comes from a store or from the reader of files.
pub fn is_of_a_file(error: &(dyn Error + 'static)) -> bool {
    let text = all(error);
    ["Parquet", "parquet", "Object Store", "Object at location", "Requested range"]
        .iter()
        .any(|word| text.contains(word))
}

/// Whether the engine broke one of its own rules, so that nobody's input is to blame.
pub fn is_fault(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let internal =
            matches!(find(error), Some(DataFusionError::Internal(_) | DataFusionError::ExecutionJoin(_)));
        if internal || find::<JoinError>(error).is_some_and(JoinError::is_panic) {
            return true;
        }
        next = inner(error);
    }
    false
}

/// The innermost sentence of `error`.
pub fn plain(error: &(dyn Error + 'static)) -> String {
    let whole = all(error);
    if let Some((status, code)) = answer(&whole) {
        return format!("{} answers {status} {code}", server(&whole)).trim_end().to_owned();
    }
    let mut last = error;
    while let Some(next) = inner(last) {
        last = next;
    }
    let text = in_plain_words(&last.to_string());
    if whole.contains("error sending request") { format!("{}: {text}", server(&whole)) } else { text }
}

/// The text of `error` and of everything in it.
fn all(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = inner(error);
    while let Some(error) = next {
        text.push('\n');
        text.push_str(&error.to_string());
        next = inner(error);
    }
    text
}

/// What `error` wraps, also where its `source` passes over it.
fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    if let Some(error) = find::<DataFusionError>(error) {
        return match error {
            DataFusionError::ArrowError(inner, _) => Some(inner.as_ref()),
            DataFusionError::ParquetError(inner) => Some(inner.as_ref()),
            DataFusionError::ObjectStore(inner) => Some(inner.as_ref()),
            DataFusionError::IoError(inner) => Some(inner),
            DataFusionError::SQL(inner, _) => Some(inner.as_ref()),
            DataFusionError::External(inner) => Some(inner.as_ref()),
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
                Some(inner.as_ref())
            }
            DataFusionError::Shared(inner) => Some(inner.as_ref()),
            DataFusionError::Collection(inner) => inner.first().map(|inner| inner as _),
            _ => None,
        };
    }
    if let Some(ArrowError::ExternalError(inner)) = find(error) {
        return Some(inner.as_ref());
    }
    if let Some(ParquetError::External(inner)) = find(error) {
        return Some(inner.as_ref());
    }
    if let Some(DeltaTableError::KernelError(inner)) = find(error) {
        return Some(inner);
    }
    if let Some(inner) = find::<std::io::Error>(error).and_then(std::io::Error::get_ref) {
        return Some(inner);
    }
    error.source()
}

/// `error` as a `T`, also a boxed or a shared one.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let boxed = || error.downcast_ref::<Box<T>>().map(AsRef::as_ref);
    let shared = || error.downcast_ref::<Arc<T>>().map(AsRef::as_ref);
    error.downcast_ref::<T>().or_else(boxed).or_else(shared)
}

fn is_foreign(error: &(dyn Error + 'static)) -> bool {
    find::<DataFusionError>(error).is_some()
        || find::<DeltaTableError>(error).is_some()
        || find::<ArrowError>(error).is_some()
        || find::<ParquetError>(error).is_some()
        || find::<object_store::Error>(error).is_some()
}

/// Status and code of a store's answer, from what `object_store` writes of it.
fn answer(text: &str) -> Option<(u16, &str)> {
    let (_, rest) = text.split_once("status code: ")?;
    let status = rest.get(..3)?.parse().ok()?;
    let code =
        rest.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
    Some((status, code.unwrap_or_default()))
}

/// The server that a request went to.
fn server(text: &str) -> String {
    let url = text.split_once("http").map(|(_, rest)| format!("http{rest}"));
    let url = url.and_then(|url| url::Url::parse(url.split_whitespace().next()?).ok());
    url.map_or_else(|| "the store".to_owned(), |url| url.origin().ascii_serialization())
}

/// The first line, and if it announces more, the last: what is between draws the place.
fn first_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    match lines.next_back().filter(|_| first.ends_with(':')) {
        Some(last) => format!("{first} {}", last.trim_start_matches("error: ")),
        None => first.to_owned(),
    }
}

/// A library's sentence without its prefixes, Rust's values and full stop, in Delta's words.
fn in_plain_words(text: &str) -> String {
    let text = first_line(text);
    let mut text = text.as_str();
    while let Some(rest) =
        PREFIXES.iter().chain(&["sql parser error: "]).find_map(|prefix| text.strip_prefix(prefix))
    {
        text = rest;
    }
    let text =
        text.split(", found: ").map(|part| part.replacen("Expected: ", "expected ", 1)).collect::<Vec<_>>();
    let mut text = text
        .join(", found ")
        .replace(" at Line: 1, Column: ", " at character ")
        .replace("found EOF", "found the end");
    if let Some(begin) = rust_value(&text) {
        text.truncate(begin);
    }
    for (theirs, ours) in TYPES {
        text = text.replace(theirs, ours);
    }
    let mut text: String = text.trim().trim_end_matches('.').chars().take(LENGTH_MAX).collect();
    let second_is_small = text.chars().nth(1).is_some_and(|second| second.is_lowercase() || second == ' ');
    if second_is_small && let Some(first) = text.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    text
}

/// Where something like `Substring { expr: …` or `Column(Column {…` begins.
fn rust_value(text: &str) -> Option<usize> {
    let mut begin = 0;
    for word in text.split_inclusive(' ') {
        let bare = word.trim_end();
        let rest = &text[begin + word.len()..];
        let is_type = bare.len() > 1 && bare.starts_with(|c: char| c.is_ascii_uppercase());
        if is_type && bare.chars().all(char::is_alphanumeric) && rest.starts_with('{') {
            return Some(begin);
        }
        if is_type && bare.contains('(') && (bare.ends_with('{') || rest.starts_with('{')) {
            return Some(begin);
        }
        begin += word.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(theirs: &str, ours: &str) {
        assert_eq!(in_plain_words(theirs), ours);
    }

    #[test]
    fn prefixes_types_and_values_are_dropped() {
        check(
            "Arrow error: Cast error: Cannot cast string 'a' to value of Int32 type",
            "cannot cast string 'a' to value of int type",
        );
        check(
            "Error during planning: Substring is not valid Substring { expr: Identifier(Ident {",
            "substring is not valid",
        );
        check("sql parser error: Expected: ), found: EOF", "expected ), found the end");
        check(
            "sql parser error: Expected: an expression, found: = at Line: 1, Column: 10",
            "expected an expression, found = at character 10",
        );
        check("Divide by zero error", "divide by zero error");
        check("first line\nsecond line", "first line");
        check("regex parse error:\n    (\n    ^\nerror: unclosed group", "regex parse error: unclosed group");
    }

    #[test]
    fn the_innermost_error_speaks_and_only_once() {
        let io = std::io::Error::other("the disk is gone");
        let wrapped = DataFusionError::Context(
            "while reading".to_owned(),
            Box::new(DataFusionError::ArrowError(Box::new(ArrowError::ExternalError(Box::new(io))), None)),
        );
        assert_eq!(causes(&wrapped), ["the disk is gone"]);
    }

    #[test]
    fn a_store_that_refuses_is_told_from_one_that_is_silent() {
        let says = |text: &str| std::io::Error::other(text.to_owned());
        let denied = says(
            "Error performing GET http://127.0.0.1:9/lake?prefix=x in 1ms - Server returned non-2xx status code: \
             403 Forbidden: <Error><Code>SignatureDoesNotMatch</Code></Error>",
        );
        assert_eq!(trouble(&denied), Trouble::Denied);
        assert_eq!(plain(&denied), "http://127.0.0.1:9 answers 403 SignatureDoesNotMatch");
        assert_eq!(
            trouble(&says("status code: 404 Not Found: <Code>NoSuchBucket</Code>")),
            Trouble::NoBucket
        );
        assert_eq!(trouble(&says("status code: 503 Slow Down: ")), Trouble::Unreachable);
        assert_eq!(
            trouble(&says("GET http://a:1/b - HTTP error: error sending request")),
            Trouble::Unreachable
        );
        let nobody = says("PUT http://169.254.169.254/latest/api/token - HTTP error: error sending request");
        assert_eq!(trouble(&nobody), Trouble::NoCredentials);
        assert_eq!(trouble(&says("cut off")), Trouble::Other);
    }

    #[test]
    fn a_full_disk_is_told_from_other_trouble() {
        assert_eq!(trouble(&std::io::Error::from_raw_os_error(28)), Trouble::Full);
        for kind in [std::io::ErrorKind::StorageFull, std::io::ErrorKind::QuotaExceeded] {
            assert_eq!(trouble(&std::io::Error::from(kind)), Trouble::Full, "{kind}");
        }
        let wrapped = object_store::Error::Generic {
            store: "LocalFileSystem",
            source: Box::new(std::io::Error::from_raw_os_error(28)),
        };
        assert_eq!(trouble(&wrapped), Trouble::Full);
        let full =
            std::io::Error::other("status code: 507 Insufficient Storage: <Code>XMinioStorageFull</Code>");
        assert_eq!(trouble(&full), Trouble::Full);
    }

    #[test]
    fn a_missing_permission_is_told_from_a_wrong_credential() {
        let says = |code: &str| {
            lacks_permission(&std::io::Error::other(format!(
                "status code: 403 Forbidden: <Code>{code}</Code>"
            )))
        };
        assert!(says("AccessDenied"));
        assert!(!says("SignatureDoesNotMatch") && !says("InvalidAccessKeyId"));
    }

    #[test]
    fn a_fault_of_the_engine_is_no_fault_of_the_input() {
        assert!(is_fault(&DataFusionError::External(Box::new(DataFusionError::Internal("oh".to_owned())))));
        assert!(!is_fault(&DataFusionError::Plan("no such column".to_owned())));
    }
}
