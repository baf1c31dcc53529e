use super::*;

#[test]
fn a_time_is_touched_if_a_span_holds_it() {
    let spans = [(10, 20), (30, 30)].map(|(first, last)| Span { first, last });
    let changes = Changes { touched: spans.to_vec(), ..Changes::default() };
    for (time, expected) in [
        (i64::MIN, false),
        (9, false),
        (10, true),
        (15, true),
        (20, true),
        (21, false),
        (29, false),
        (30, true),
        (31, false),
        (i64::MAX, false),
    ] {
        assert_eq!(changes.touches(Some(time)), expected, "{time}");
    }
    assert!(!changes.touches(None));
    assert!(Changes { touched_without_time: true, ..Changes::default() }.touches(None));
    assert!(!Changes::default().touches(Some(0)));
}

#[test]
fn people_are_told_why() {
    for (why, expected) in [
        (Why::Gone(7), "version 7 is not in the log any more"),
        (Why::Recreated, "the table was made anew"),
        (
            Why::Unknown("a.parquet".to_owned()),
            "nothing tells any more from when the rows of file `a.parquet` were",
        ),
    ] {
        assert_eq!(why.to_string(), expected);
    }
}
