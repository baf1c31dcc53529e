//! What a process cost, and a table of it.

use std::fmt::{Display, Formatter, Result};
use std::path::Path;
use std::process::Command;

/// What one process cost.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    rows: u64,
    /// Of all threads, user and system, in seconds.
    cpu: f64,
    /// In seconds.
    wall: f64,
    /// Largest resident set, in MiB.
    peak: f64,
}

/// Printed by a process that measures itself; the peers print the same line.
impl Display for Measured {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { rows, cpu, wall, peak } = self;
        write!(f, "rows {rows} cpu {cpu:.3} wall {wall:.3} peak {peak:.0}")
    }
}

impl Measured {
    /// What this process has cost so far, by what the kernel counts.
    pub fn of_this_process(rows: u64) -> Self {
        let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
        // The fields after the name, which is in brackets and may hold spaces.
        let fields: Vec<f64> = stat
            .rsplit_once(')')
            .map(|(_, rest)| rest.split_whitespace().map(|field| field.parse().unwrap_or_default()).collect())
            .expect("the name of the process");
        let uptime = std::fs::read_to_string("/proc/uptime").expect("Linux");
        let uptime: f64 = uptime.split(' ').next().and_then(|seconds| seconds.parse().ok()).expect("seconds");
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak");
        let kib: f64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
        // Ticks are hundredths of a second on every Linux that Rust runs on.
        Self {
            rows,
            cpu: (fields[11] + fields[12]) / 100.0,
            wall: uptime - fields[19] / 100.0,
            peak: kib / 1024.0,
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let of = |name: &str| {
            words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1)?.parse().ok())
        };
        Some(Self { rows: of("rows")? as u64, cpu: of("cpu")?, wall: of("wall")?, peak: of("peak")? })
    }
}

/// Runs `command` and reads the line with which it says what it cost.
pub fn run(command: &mut Command) -> Measured {
    let output = command.output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().rev().find_map(Measured::parse).unwrap_or_else(|| {
        eprintln!("{text}{}", String::from_utf8_lossy(&output.stderr));
        Measured { rows: 0, cpu: f64::NAN, wall: f64::NAN, peak: f64::NAN }
    })
}

/// The medians, as ratios to the first, in Markdown.
pub fn report(names: &[String], measured: &[Vec<Measured>], table: &Path) -> String {
    let median = |results: &[Measured], of: fn(&Measured) -> f64| {
        let mut values: Vec<f64> = results.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let scan = median(&measured[0], |one| one.cpu);
    let mut lines = vec![
        format!("{}, medians of {}", table.display(), measured[0].len()),
        "| | CPU s | × scan | wall s | peak MiB |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    for (name, results) in names.iter().zip(measured) {
        assert!(
            results.iter().all(|one| one.rows == measured[0][0].rows || one.rows == 0),
            "other rows: {name}"
        );
        let [cpu, wall, peak] =
            [|one: &Measured| one.cpu, |one: &Measured| one.wall, |one: &Measured| one.peak]
                .map(|of| median(results, of));
        lines.push(format!("| {name} | {cpu:.2} | {:.2} | {wall:.2} | {peak:.0} |", cpu / scan));
    }
    lines.join("\n")
}
