//! Where tables and folders are: URLs, or paths relative to the file in which they stand.

use std::path::{Component, Path, PathBuf};

use url::Url;

use super::Notes;

/// Schemes of URLs that can be read.
const SCHEMES: [&str; 4] = ["s3", "s3a", "file", "memory"];

/// A URL, or a path relative to the file, as the URL of a folder.
pub fn location(typed: &str, pointer: &str, notes: &mut Notes<'_>) -> Option<Url> {
    if typed.contains("://") { url(typed, pointer, notes) } else { path(typed, pointer, notes) }
}

fn path(typed: &str, pointer: &str, notes: &mut Notes<'_>) -> Option<Url> {
    let path = notes.folder.join(typed);
    let path = normalized(&std::path::absolute(&path).unwrap_or(path));
    let url = Url::from_directory_path(&path).ok();
    if url.is_none() {
        notes.problem(
            pointer,
            format!("is `{typed}`, which is not a path"),
            "a URL, or a path relative to this file",
        );
    }
    url
}

fn url(typed: &str, pointer: &str, notes: &mut Notes<'_>) -> Option<Url> {
    let mut url = match Url::parse(typed) {
        Ok(url) => url,
        Err(error) => {
            notes.problem(
                pointer,
                format!("is `{typed}`, which is not a URL: {error}"),
                "s3://bucket/folder, or a path relative to this file",
            );
            return None;
        }
    };
    if !SCHEMES.contains(&url.scheme()) {
        notes.problem(
            pointer,
            format!("has the scheme `{}`, which this build cannot read", url.scheme()),
            "s3://bucket/folder, file:///folder, or a path relative to this file",
        );
        return None;
    }
    if !url.username().is_empty() || url.password().is_some() {
        notes.problem(
            pointer,
            "is a URL with credentials in it, which everybody would read in tables and messages",
            "write the URL without them; they go into `storage: secrets` of secchi.yaml, or the environment",
        );
        return None;
    }
    if url.scheme().starts_with("s3") && url.host_str().is_none_or(str::is_empty) {
        notes.problem(pointer, format!("is `{typed}`, which names no bucket"), "s3://bucket/folder");
        return None;
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Some(url)
}

/// `a/../b` is `b`: tables are named by where they are, however the way there was written.
pub fn normalized(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, component| {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            other => path.push(other),
        }
        path
    })
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::config::given::problems;

    #[test]
    fn places_are_urls_or_paths() {
        assert_snapshot!(
            problems("monitor: churn\ninference: { table: gs://lake/t, timestamp_col: at }\nbaseline: { table: 's3://' }\noutput: { uri: 'http://[' }\n"),
            @r"
            churn.yaml:2:21: `inference.table` has the scheme `gs`, which this build cannot read
              hint: s3://bucket/folder, file:///folder, or a path relative to this file
            churn.yaml:3:20: `baseline.table` is `s3://`, which names no bucket
              hint: s3://bucket/folder
            churn.yaml:4:16: `output.uri` is `http://[`, which is not a URL: invalid IPv6 address
              hint: s3://bucket/folder, or a path relative to this file
            "
        );
    }

    #[test]
    fn credentials_do_not_stand_in_a_url() {
        let said = problems(
            "monitor: churn\ninference: { table: 's3://KEY:hunter2@lake/t', timestamp_col: at }\noutput: { uri: metrics }\n",
        );
        assert!(said.contains("`inference.table` is a URL with credentials in it"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }

    #[test]
    fn metric_tables_do_not_lie_within_what_they_are_about() {
        let file = |output: &str| {
            format!(
                "monitor: churn\ninference: {{ table: lake/t, timestamp_col: at }}\noutput: {{ uri: {output} }}\n"
            )
        };
        for output in ["lake/t", "lake/t/metrics"] {
            let said = problems(&file(output));
            assert!(said.contains("`output.uri` lies within `inference.table`"), "{said}");
        }
        for output in ["lake", "lake/t2", "metrics"] {
            crate::config::given::good_monitor(&file(output));
        }
    }
}
