//! What messages say: snapshots to read, and hostile texts that must stay harmless.

use secchi::alert::{Direction, Event, Transition};
use secchi::comparisons::{Comparisons, OtherVersion};
use secchi::config::{Channel, Monitor, Severity};
use secchi::lineage::Pin;
use secchi::notify::further::further;
use secchi::notify::message::{self, Message};
use secchi::notify::{Notification, RunFacts};
use secchi::notify::{payload, phrase};

use super::given::{self, event, later};

/// A day on which much happened: one alert of each kind and each fate.
fn bad_day() -> Vec<Event> {
    let accuracy = Event {
        alert_id: "accuracy".to_owned(),
        rule: "accuracy drop".to_owned(),
        metric: "accuracy_score".to_owned(),
        direction: Direction::ChangeFromBaseline,
        threshold: "-5%".to_owned(),
        value: Some(0.713_2),
        previous_value: Some(0.798),
        baseline_value: Some(0.802_1),
        column_name: ":table".to_owned(),
        drift_type: None,
        owner: Some("credit-oncall@example.com".to_owned()),
        runbook: Some("https://wiki.example.com/runbooks/accuracy".to_owned()),
        ..event()
    };
    let region = Event {
        alert_id: "region".to_owned(),
        severity: Severity::Warning,
        rule: "regional drift".to_owned(),
        metric: "ks_test.statistic".to_owned(),
        threshold: "0.2".to_owned(),
        learned_windows: Some(28),
        value: Some(0.200_04),
        slice_key: Some("region".to_owned()),
        slice_value: Some("Île-de-France".to_owned()),
        model_version: "*".to_owned(),
        column_name: "age".to_owned(),
        ..event()
    };
    let nulls = Event {
        alert_id: "nulls".to_owned(),
        severity: Severity::Warning,
        rule: "missing values".to_owned(),
        metric: "percent_null_delta".to_owned(),
        threshold: "5".to_owned(),
        value: Some(31.4),
        column_name: "employment_length".to_owned(),
        ..event()
    };
    let volume = Event {
        alert_id: "volume".to_owned(),
        severity: Severity::Info,
        rule: "volume".to_owned(),
        metric: "count".to_owned(),
        direction: Direction::Outside,
        threshold: "10000 to 100000".to_owned(),
        value: Some(9_120.0),
        previous_value: Some(48_000.0),
        column_name: ":table".to_owned(),
        drift_type: None,
        model_version: "*".to_owned(),
        granularity: "1 hour".to_owned(),
        window_start: given::day(0) + 13 * 3_600_000_000,
        window_end: given::day(0) + 14 * 3_600_000_000,
        first_window_start: given::day(0) + 13 * 3_600_000_000,
        ..event()
    };
    let income = later(&event(), -3, Transition::First, 0.31);
    let passed =
        later(&Event { alert_id: "passed".to_owned(), ..nulls.clone() }, -9, Transition::First, 12.0);
    vec![
        income.clone(),
        later(&income, 1, Transition::StillFiring, 12.7),
        later(&income, 3, Transition::StillFiring, 8.281_1),
        accuracy,
        region,
        volume,
        later(&Event { first_window_start: given::day(-4), ..nulls.clone() }, 0, Transition::Resolved, 0.4),
        passed.clone(),
        later(&passed, 1, Transition::Resolved, 0.1),
        later(
            &Event { alert_id: "gone".to_owned(), model_version: "2".to_owned(), ..nulls.clone() },
            2,
            Transition::NoData,
            None,
        ),
        Event {
            transition: Transition::StillFiring,
            alert_id: "still".to_owned(),
            first_window_start: given::day(-20),
            ..nulls
        },
    ]
}

fn told<T>(monitor: &Monitor, events: &[Event], tell: impl FnOnce(&Notification<'_>) -> T) -> T {
    let facts = given::facts();
    tell(&Notification::new(monitor, &facts, events, &monitor.channels[0]).expect("something to say"))
}

fn monitor() -> Monitor {
    given::monitor(vec![given::email(&["ana@example.com"])])
}

fn written(monitor: &Monitor, events: &[Event]) -> Message {
    told(monitor, events, |notification| message::render(notification).expect("a message"))
}

fn document(monitor: &Monitor, events: &[Event]) -> String {
    told(monitor, events, |notification| {
        serde_json::to_string_pretty(&payload::payload(notification)).expect("JSON")
    })
}

fn lost() -> Vec<Event> {
    vec![later(&event(), 2, Transition::NoData, None)]
}

fn relief() -> Vec<Event> {
    vec![later(&event(), 2, Transition::Resolved, 0.031)]
}

/// Compares `text` with the snapshot `name`; the version of the program is no part of it.
fn assert_reads(name: &str, text: &str) {
    insta::with_settings!({ filters => [(r"Secchi \d+\.\d+\.\d+\S*", "Secchi [version]")], omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn a_bad_day_in_words() {
    let message = written(&monitor(), &bad_day());
    assert_reads("bad_day.txt", &format!("Subject: {}\n\n{}", message.subject, message.text));
    assert_reads("bad_day.html", &message.html);
}

#[test]
fn a_bad_day_as_json() {
    assert_reads("bad_day.json", &document(&monitor(), &bad_day()));
}

#[test]
fn relief_in_words() {
    let message = written(&monitor(), &relief());
    assert_reads("relief.txt", &format!("Subject: {}\n\n{}", message.subject, message.text));
    assert_reads("relief.html", &message.html);
    assert_reads("relief.json", &document(&monitor(), &relief()));
}

#[test]
fn the_document_has_a_schema() {
    let schema = payload::schema().to_value();
    assert_reads("payload.schema.json", &serde_json::to_string_pretty(&schema).expect("JSON"));
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for events in [bad_day(), lost(), relief()] {
        let document = serde_json::from_str(&document(&monitor(), &events)).expect("JSON");
        let problems: Vec<String> =
            validator.iter_errors(&document).map(|problem| problem.to_string()).collect();
        assert_eq!(problems, Vec::<String>::new());
    }
}

/// A rule that looks at several windows can hold in one whose own value is fine.
#[test]
fn a_value_that_is_fine_is_not_called_bad() {
    let crossing = |direction, threshold: &str, value| {
        phrase::crossing(&Event { direction, threshold: threshold.to_owned(), value: Some(value), ..event() })
    };
    let table = [
        (Direction::Above, "0.2", 0.21, "population_stability_index 0.21 > 0.2"),
        (Direction::Above, "0.2", 0.02, "population_stability_index 0.02, beyond 0.2 in windows before"),
        (Direction::Above, "0.2", 0.2, "population_stability_index 0.2, beyond 0.2 in windows before"),
        (Direction::Below, "100", 150.0, "population_stability_index 150, beyond 100 in windows before"),
        (Direction::Outside, "1 to 2", 2.5, "population_stability_index 2.5 outside 1 to 2"),
        (
            Direction::Outside,
            "1 to 2",
            1.5,
            "population_stability_index 1.5, beyond 1 to 2 in windows before",
        ),
    ];
    let resolved = Event { transition: Transition::Resolved, ..event() };
    let resolved = Event {
        state: resolved.transition.state(),
        value: Some(0.9),
        threshold: "0.2".to_owned(),
        ..resolved
    };
    let few = "population_stability_index 0.9, beyond 0.2 but not often or surely enough";
    assert_eq!(phrase::crossing(&resolved), few);
    for (direction, threshold, value, expected) in table {
        assert_eq!(crossing(direction, threshold, value), expected);
    }
}

#[test]
fn a_subject_says_it_all() {
    let subject = |events: &[Event]| written(&monitor(), events).subject;
    let change = |change: fn(&mut Event)| {
        let mut event = event();
        change(&mut event);
        subject(&[event])
    };
    let subjects = [
        subject(&[event()]),
        subject(&bad_day()),
        subject(&lost()),
        subject(&relief()),
        change(|event| event.severity = Severity::Info),
        change(|event| {
            event.direction = Direction::Below;
            event.value = Some(0.249_996);
        }),
        change(|event| {
            event.direction = Direction::Outside;
            "0.1 to 0.9".clone_into(&mut event.threshold);
            event.value = Some(0.95);
        }),
        change(|event| {
            event.direction = Direction::ChangeFromBaseline;
            "+20%".clone_into(&mut event.threshold);
            event.baseline_value = Some(4.0);
        }),
        change(|event| event.value = None),
        change(|event| {
            event.slice_key = Some("amount > 1000".to_owned());
            event.slice_value = Some("true".to_owned());
        }),
        change(|event| event.column_name = "a column whose name goes on and on and on ".repeat(9)),
    ];
    assert_reads("subjects", &subjects.join("\n"));
}

#[test]
fn text_and_html_say_the_same() {
    for events in [bad_day(), lost(), relief()] {
        let Message { text, html, .. } = written(&monitor(), &events);
        let plain = |words: &str| words.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let text = plain(&text);
        let body = html.split_once("<body").expect("a body").1;
        let between_tags = body.split('<').filter_map(|piece| piece.split_once('>')).map(|(_, words)| words);
        for words in between_tags {
            let entities = [("&#x27;", "'"), ("&#x2f;", "/"), ("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " ")];
            let words = entities.iter().fold(words.to_owned(), |words, (entity, c)| words.replace(entity, c));
            assert!(text.contains(&plain(&words)), "`{words}` is not in {text}");
        }
    }
}

#[test]
fn a_long_history_is_one_line() {
    let mut events = Vec::new();
    for pair in 0..30 {
        let first = later(&event(), pair * 2 - 60, Transition::First, 0.3 + pair as f64);
        events.push(later(&first, 1, Transition::Resolved, 0.1));
        events.push(first);
    }
    let message = written(&monitor(), &events);
    assert_eq!(message.subject.matches("more").count(), 0, "{}", message.subject);
    let about: Vec<&str> = message.text.lines().filter(|line| line.contains("monthly_income:")).collect();
    assert_eq!(about.len(), 1, "{}", message.text);
    assert!(about[0].contains("fired 30 times in this run, worst 29.3 on 2026-04-29"), "{about:?}");
}

#[test]
fn many_alerts_are_cut_and_counted() {
    let many = |index: i64| Event { alert_id: format!("{index:04}"), event_id: index.to_string(), ..event() };
    let events: Vec<Event> = (0..500).map(many).collect();
    let message = written(&monitor(), &events);
    assert!(message.subject.ends_with("(+499 more)"), "{}", message.subject);
    assert!(message.text.contains("and 480 more, in the table `alerts`"), "{}", message.text);
    assert!(message.html.contains("and 480 more"));
    told(&monitor(), &events, |notification| {
        let document = payload::payload(notification);
        assert_eq!((document.alerts.len(), document.alerts_hidden), (200, 300));
    });
}

#[test]
fn windows_are_shown_in_the_monitor_s_zone() {
    let mut monitor = monitor();
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone");
    monitor.calendar = secchi::window::Calendar::new(zone);
    let message = written(&monitor, &[event()]);
    assert!(
        message.text.contains("Model version 3, 2026-05-01 02:00 to 2026-05-02 02:00 (1 day)"),
        "{}",
        message.text
    );
    assert!(message.text.contains("Europe/Berlin"), "{}", message.text);
}

/// Everything that others may write, written by an enemy.
fn hostile() -> (Monitor, Vec<Event>, RunFacts) {
    let evil = "<img src=x onerror=alert(1)>\"'&\r\nBcc: victim@example.com\r\n\r\n<script>\u{202E}";
    let evil = |place: &str| format!("{place}{evil}{{{{ monitor }}}}");
    let mut monitor = monitor();
    monitor.name = evil("name");
    monitor.owner = Some(evil("owner"));
    monitor.runbook = Some("javascript:alert(1)".to_owned());
    monitor.labels = [(evil("key"), evil("label"))].into();
    let event = Event {
        rule: evil("rule"),
        metric: evil("metric"),
        threshold: evil("threshold"),
        granularity: evil("granularity"),
        model_version: evil("version"),
        slice_key: Some(evil("slice")),
        slice_value: Some(evil("value")),
        column_name: evil("column"),
        drift_type: Some(evil("type")),
        owner: Some(evil("rule owner")),
        runbook: Some("https://example.com/\" onclick=\"alert(1)".to_owned()),
        ..event()
    };
    let resolved = Event { alert_id: "resolved".to_owned(), ..later(&event, 1, Transition::Resolved, 0.1) };
    let evil_run = RunFacts {
        run_id: evil("run"),
        monitor_file: evil("file"),
        source: Pin { table: evil("table"), version: 1 },
        ..given::facts()
    };
    (monitor, vec![event, resolved], evil_run)
}

#[test]
fn hostile_texts_are_shown_and_do_nothing() {
    let (monitor, events, facts) = hostile();
    let notification =
        Notification::new(&monitor, &facts, &events, &monitor.channels[0]).expect("something to say");
    let Message { subject, text, html } = message::render(&notification).expect("a message");
    assert!(!subject.contains(['\r', '\n']), "{subject:?}");
    assert!(!text.lines().any(|line| line.starts_with("Bcc:") || line.starts_with("<script>")), "{text}");
    let markup = ["<img", "<script", "onclick=\"", "javascript:alert(1)\"", "</td><", "\u{202E}"];
    for markup in &markup[..4] {
        assert!(!html.contains(markup), "{markup} stands in {html}");
    }
    for words in [&subject, &text, &html] {
        assert!(!words.contains('\u{202E}'));
    }
    assert!(text.contains("{{ monitor }}"), "a template inside a text stays text");
    assert_reads("hostile.html", &html);
}

#[tokio::test]
async fn hostile_texts_make_no_headers() {
    let folder = tempfile::tempdir().expect("a folder");
    let (monitor, events, facts) = hostile();
    let receipts = secchi::notify::send(&monitor, &given::outbox(folder.path()), &facts, &events).await;
    let secchi::notify::Outcome::Written(path) = &receipts[0].outcome else { unreachable!("{receipts:?}") };
    let letter = std::fs::read_to_string(path).expect("a letter");
    let (headers, _) = letter.split_once("\r\n\r\n").expect("headers and a body");
    let names: Vec<&str> = headers
        .split("\r\n")
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name)
        .collect();
    let expected = [
        "Message-ID",
        "Date",
        "From",
        "Subject",
        "Auto-Submitted",
        "X-Secchi-Monitor",
        "To",
        "MIME-Version",
        "Content-Type",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_channel_of_another_severity_hears_another_headline() {
    let channel = Channel { severity: Severity::Critical, ..given::email(&["ana@example.com"]) };
    let monitor = given::monitor(vec![channel]);
    let message = written(&monitor, &bad_day());
    assert!(!message.text.contains("volume"), "{}", message.text);
}

#[test]
fn what_a_window_is_compared_with_is_said_as_its_reader_would() {
    let seasonal = ["1 week", "1 year"].map(|period| period.parse().expect("a period")).to_vec();
    let version = Some(OtherVersion::Aliased("champion".to_owned()));
    let comparisons = Comparisons { seasonal, rolling: 7, version };
    let said = |drift_type: &str, granularity: &str, comparisons: &Comparisons| {
        let drift_type = Some(drift_type.to_owned());
        let event = Event { drift_type, granularity: granularity.to_owned(), ..event() };
        phrase::compared_with(&event, comparisons).expect("a drift metric compares")
    };
    assert_eq!(said("SEASONAL", "1 day", &comparisons), "the same window 1 week before");
    assert_eq!(said("SEASONAL", "1 month", &comparisons), "the same window 1 year before");
    assert_eq!(said("ROLLING", "1 day", &comparisons), "the 7 windows before, together");
    assert_eq!(said("VERSION", "1 day", &comparisons), "the model version that is `champion`");
    let named = Comparisons { version: Some(OtherVersion::Named("7".to_owned())), ..comparisons };
    assert_eq!(said("VERSION", "1 day", &named), "model version 7");
    // What was asked for may not be asked for any more.
    assert_eq!(said("SEASONAL", "1 day", &Comparisons::default()), "the same window a season before");
    assert_eq!(said("VERSION", "1 day", &Comparisons::default()), "another model version");
    let sql = |drift_type: &str| {
        further(&Event { drift_type: Some(drift_type.to_owned()), ..event() }, &given::facts()).sql
    };
    assert!(sql("ROLLING").contains("population_stability_index, count_current, windows_cmp\n"));
    assert!(sql("VERSION").contains("population_stability_index, count_current, model_version_cmp\n"));
}
