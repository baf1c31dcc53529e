//! What decides the metric tables, as a text and as its hash.

use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use crate::config::yaml::Document;

/// What decides the metric tables. Channels and schedule do not, so changing them changes no hash.
pub fn config_json(document: &Document, timezone: &str, lateness: SignedDuration) -> String {
    let mut value = document.value.clone();
    if let Some(map) = value.as_object_mut() {
        map.retain(|key, _| key != "notify" && key != "schedule");
        map.insert("timezone".to_owned(), timezone.into());
        map.insert("lateness".to_owned(), lateness.to_string().into());
    }
    value.sort_all_objects();
    value.to_string()
}

/// First 16 hex digits of the SHA-256 of `text`.
pub fn hex16(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use crate::config::given::{GOOD, good_monitor};

    #[test]
    fn the_hash_is_of_what_decides_the_tables() {
        let hash = |text: &str| good_monitor(text).config_hash;
        let good = hash(GOOD);
        assert_eq!(good.len(), 16);
        assert_eq!(hash(&format!("# a comment\n{GOOD}schedule: {{ cron: 15 * * * * }}\nnotify: []\n")), good);
        assert_eq!(hash(&format!("{GOOD}timezone: UTC\n")), good, "the default, said");
        assert_ne!(hash(&format!("{GOOD}timezone: Europe/Berlin\n")), good);
        assert_ne!(hash(&format!("{GOOD}slicing_exprs: [region]\n")), good);
    }
}
