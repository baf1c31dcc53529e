//! Deletion vectors, as other writers of Delta make them: the rows of a file that are deleted, within the log.

use serde_json::{Value, json};

/// Marks the bytes of a bitmap of 64 bit numbers that other readers can read.
const MAGIC: u32 = 1_681_511_377;
/// Marks a roaring bitmap without runs.
const COOKIE: u32 = 12_346;
/// Digits of base 85, by Z85.
const DIGITS: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// What an `add` says of a file of which `rows`, counted from 0, are deleted: in order, and an even number of them, so that
/// the bytes need no padding.
pub fn inline(rows: &[u16]) -> Value {
    assert!(rows.len().is_multiple_of(2) && !rows.is_empty() && rows.is_sorted(), "{rows:?}");
    let mut bytes = Vec::new();
    let last = u16::try_from(rows.len() - 1).expect("few rows");
    // One bitmap, of the numbers whose upper half is 0; in it one container, of those whose upper quarter is.
    bytes.extend(MAGIC.to_le_bytes());
    bytes.extend(1_u64.to_le_bytes());
    bytes.extend(0_u32.to_le_bytes());
    for word in [COOKIE, 1, u32::from(last) << 16, 16] {
        bytes.extend(word.to_le_bytes());
    }
    rows.iter().for_each(|row| bytes.extend(row.to_le_bytes()));
    json!({
        "storageType": "i",
        "pathOrInlineDv": z85(&bytes),
        "sizeInBytes": bytes.len(),
        "cardinality": rows.len(),
    })
}

/// `bytes` in base 85: four of them are five digits.
fn z85(bytes: &[u8]) -> String {
    let digits = bytes.chunks_exact(4).flat_map(|four| {
        let word = four.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        [85_u32.pow(4), 85_u32.pow(3), 85_u32.pow(2), 85, 1].map(|place| DIGITS[(word / place % 85) as usize])
    });
    digits.map(char::from).collect()
}

#[test]
fn they_are_what_other_writers_make() {
    let inner = inline(&[1, 2]);
    // Of Delta's own protocol tests: the second and the third row.
    assert_eq!(inner["pathOrInlineDv"], "^Bg9^0rr910000000000iXQKl0rr91000315c8Xg0rrf3");
    assert_eq!(inner["sizeInBytes"], 36);
}
