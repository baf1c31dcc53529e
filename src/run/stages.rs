//! The stages of a run, from rows to tables: counted, compared, judged, written.

use super::guard::unless;
use super::plan::Task;
use super::record::{account, facts};
use super::{Job, Order, Outcome, RunError, gaps, outcome};
use crate::alert::learned::LearnedBounds;
use crate::alert::{Evaluation, Judging, Present};
use crate::config::{Metric, Monitor, Rule};
use crate::contract::{MeasureOf, TABLE, measure_of};
use crate::drift::{self, Against, Families};
use crate::lineage::Lineage;
use crate::profile::query::{Counted, Counting, QueryError, Reading, Totals, counted_windows};
use crate::profile::{Profiles, Subject, columns, custom, row, state_row};
use crate::scope::{Scope, Scopes};
use crate::sink::{self, Account, RowsUntil, RunRow, Sink, StagedTables};
use crate::source::{Snapshot, Versions};

/// What is said where rows had to be read for it.
const OUTGROWN: &str = "all rows were read, since the baseline has become another, or other features are looked at together: what \
                        they were measured by did not do any more";

/// The stages between the pins and the record. Columns go through them a few at a time, and no reader sees a row of any
/// before all are there.
pub(super) async fn compute(
    job: Job<'_>,
    task: Task,
    snapshot: &Snapshot,
    lineage: &Lineage,
    sink: &Sink<'_>,
    record: &mut RunRow,
) -> Result<Outcome, RunError> {
    let Job { monitor, order, .. } = job;
    let Task { mut reading, bytes, why_all, findings: noticed, .. } = task;
    let is_all = reading.earlier.is_none() && reading.behind.is_empty();
    let mut is_outgrown = false;
    let written = loop {
        match Box::pin(write(job, reading.clone(), snapshot, lineage, sink)).await? {
            Written::Tables(written) => break *written,
            // Bins are the same in every window, so those that were written before they could be chosen are written anew.
            Written::LacksWindows => reading = reading.of_all_windows(),
            // So are units.
            Written::Outgrown => {
                is_outgrown = true;
                reading = reading.of_all_rows(monitor.learns());
            }
        }
    };
    let TablesWritten { profiles, computed, rows, totals, mut evaluation, tables: [profile, drift] } =
        written;
    record.alert_rows = Some(evaluation.events.len() as u64);
    let unsent = sink.unsent().await?;
    sink.journal().write_alerts(&evaluation.events, &lineage.run_id).await?;
    // What a run that did not end has recorded is not judged again, but may not have been told.
    evaluation.events.splice(..0, unsent);

    record.rows_read = Some(totals.rows);
    record.bytes_read = Some(bytes + totals.bytes);
    record.profile_rows = Some(profile.rows);
    record.drift_rows = Some(drift.rows);
    record.profile_version = Some(profile.version);
    record.drift_version = Some(drift.version);
    let mut findings =
        outcome::findings(monitor, &totals, (&profiles, &computed), snapshot, (order.as_of, rows), is_all);
    findings.extend(why_all.map(|why| why.told(true)));
    findings.extend(noticed);
    findings.extend(is_outgrown.then(|| OUTGROWN.to_owned()));
    let facts = facts(monitor, lineage, record, order, &evaluation, [&profile, &drift]);
    let outcome = Outcome::unchanged(monitor, evaluation, [profile, drift], facts);
    Ok(outcome.with(monitor, &totals, bytes + totals.bytes, (&profiles, &computed), findings))
}

/// What came of writing.
enum Written {
    /// It is done.
    Tables(Box<TablesWritten>),
    /// Nothing is: windows beyond those that were asked have to be written, too.
    LacksWindows,
    /// Nothing is: what was counted before does not go together with what is counted now.
    Outgrown,
}

/// Why a part of the columns cannot be written.
enum Unfit {
    LacksWindows,
    Outgrown,
}

/// What is known once the metric tables are written.
struct TablesWritten {
    /// What was counted with the last columns.
    profiles: Profiles,
    /// The windows that were computed.
    computed: Scope,
    /// Until when there are rows, in windows that were computed or not.
    rows: Option<RowsUntil>,
    totals: Totals,
    evaluation: Evaluation,
    /// The profile and the drift table.
    tables: [sink::Written; 2],
}

/// Counts what is to be read, compares, judges, and writes the metric tables, unless something else has to be counted.
async fn write(
    job: Job<'_>,
    reading: Reading,
    snapshot: &Snapshot,
    lineage: &Lineage,
    sink: &Sink<'_>,
) -> Result<Written, RunError> {
    let Job { monitor, settings, order, watch, stop } = job;
    let (behind, learns) = (reading.behind.clone(), reading.learns);
    // Where windows lost rows, slices may be gone with them.
    let are_all_slices = match &reading.earlier {
        None => behind.is_empty(),
        Some(earlier) => earlier.recounted.is_empty() && sink.ledger().is_finished,
    };
    // What adds to what was counted does not look back behind it.
    let is_newest = (order.versions == Versions::default() || reading.earlier.is_some()) && behind.is_empty();
    let edges = sink.recorded_edges(&columns::numeric(monitor, &snapshot.schema)).await?;
    let begun = Counting::begin(monitor, snapshot, settings, edges, reading, order.as_of, watch);
    let mut counting = unless(stop, Box::pin(begun)).await?;
    let recorded = sink.journal().recorded().await?;
    let present =
        Present { as_of: order.as_of, run_id: &lineage.run_id, computed_at: lineage.computed_at, is_newest };
    let scopes = counting.scopes();
    let past = unless(stop, sink.past(&scopes, order.as_of)).await?;
    let learned = match learns {
        true => LearnedBounds::default(),
        false => sink.ledger().learned(monitor),
    };
    let mut judging = Judging::new(monitor, &recorded, present, past, learned);
    let mut families = Families::new(monitor.label().map(|label| label.column.as_str()), &monitor.importance);
    let mut tables = sink.stage(lineage, &scopes);
    let counted = async {
        let judged = (&mut families, &mut judging);
        let counted = count(monitor, &mut counting, lineage, &scopes, judged, &mut tables).await?;
        let profiles = match counted {
            Ok(profiles) => profiles,
            Err(unfit) => return Ok(Err(unfit)),
        };
        families.close();
        tables.drift.release(&families).await?;
        // What waits for later runs may be newer.
        let rows = match behind.is_empty() {
            true => rows_until(monitor, order, &profiles, &scopes, sink).await?,
            false => None,
        };
        Ok::<_, RunError>(Ok((profiles, rows)))
    };
    let (profiles, rows) = match unless(stop, counted).await {
        Ok(Ok(counted)) => counted,
        Ok(Err(unfit)) => {
            tables.discard().await;
            return Ok(match unfit {
                Unfit::LacksWindows => Written::LacksWindows,
                Unfit::Outgrown => Written::Outgrown,
            });
        }
        Err(error) => {
            tables.discard().await;
            return Err(error);
        }
    };
    let job = (monitor, order);
    let known = (rows, Some(counting.slices()).filter(|_| are_all_slices));
    let account = account(job, snapshot, lineage, &scopes, known, behind, sink.ledger());
    let account = Account { learned: judging.learned().told(), ..account };
    let (profile, drift) = tables.commit(&account).await?;
    let (evaluation, totals) = (judging.finish(&families), counting.into_totals());
    let (computed, tables) = (scopes.profile.clone(), [profile, drift]);
    Ok(Written::Tables(Box::new(TablesWritten { profiles, computed, rows, totals, evaluation, tables })))
}

/// Until when there are rows, by the windows that the run has computed, and if need be by those that are kept.
async fn rows_until(
    monitor: &Monitor,
    order: Order,
    profiles: &Profiles,
    scopes: &Scopes,
    sink: &Sink<'_>,
) -> Result<Option<RowsUntil>, RunError> {
    let before = sink.ledger().account.as_ref().and_then(|account| account.rows);
    let found = gaps::rows_until(monitor, profiles, &scopes.profile, before, order.as_of);
    let Some(granularity) = monitor.granularities.first().copied().filter(|_| found.is_none()) else {
        return Ok(found);
    };
    let Some((url, states)) = sink.states().await? else { return Ok(found) };
    let kept = counted_windows(monitor, states).await;
    let kept = kept.map_err(|error| QueryError::kept(&url, error))?;
    let kept = kept.iter().filter_map(|base| monitor.calendar.window_of(granularity, base.start).ok());
    let others = kept.filter(|window| !scopes.profile.has(Some((granularity, *window))));
    Ok(Some(gaps::of_windows(others.chain(profiles.windows_of_whole(granularity)), order.as_of)))
}

/// From the rows of the source to rows of the metric tables, which are judged and staged, some columns after the others. What
/// all columns decide waits in the families, and rows of the drift table with it.
/// Gives what was counted with the last, or why it cannot be written.
async fn count(
    monitor: &Monitor,
    counting: &mut Counting<'_>,
    lineage: &Lineage,
    scopes: &Scopes,
    (families, judging): (&mut Families<'_>, &mut Judging<'_>),
    tables: &mut StagedTables<'_>,
) -> Result<Result<Profiles, Unfit>, RunError> {
    let [of_states, of_profile] = [&scopes.states, &scopes.profile].map(Scope::starts);
    let version = monitor.comparisons.version(lineage.model.as_ref());
    let Monitor { comparisons, calendar, .. } = monitor;
    let against = Against { comparisons, calendar, version: version.as_deref(), scope: &scopes.drift };
    loop {
        let Counted { profiles, bases, lacks_windows, is_outgrown } = counting.next().await?;
        if is_outgrown {
            return Ok(Err(Unfit::Outgrown));
        }
        if lacks_windows {
            return Ok(Err(Unfit::LacksWindows));
        }
        for subjects in profiles.subjects() {
            let mut profile = row::rows(&profiles, &subjects, monitor.quantiles);
            custom::add_aggregates(&mut profile, &counting.totals().custom);
            custom::derived::add(&mut profile, &monitor.custom_metrics).map_err(QueryError::from)?;
            let mut drift = drift::compare(&profiles, &subjects, against);
            drift::custom::add(&mut drift, &profile, &monitor.custom_metrics).map_err(QueryError::from)?;
            let states = state_row::rows(&profiles, &subjects, &bases, monitor.base_granularity());
            let mut states = states.map_err(|error| QueryError::query(&lineage.source.table, error))?;
            // Some are here only to be compared with.
            states.retain(|row| of_states.has(row.granularity.as_deref(), row.window_start));
            profile.retain(|row| of_profile.has(row.granularity.as_deref(), row.window_start));
            let [of_profile_rules, of_drift_rules] = learned_from(monitor, &profiles, &subjects);
            judging.learn(
                &row::rehearsed(&profiles, &of_profile_rules),
                &drift::rehearsed(&profiles, &of_drift_rules),
            );
            let first = families.note(&drift);
            judging.judge(&profile, &drift, first);
            tables.states.add(&states).await?;
            tables.profile.add(&profile).await?;
            tables.drift.hold(&drift)?;
        }
        if profiles.is_last {
            return Ok(Ok(profiles));
        }
    }
}

/// Those of `subjects` whose bounds are learned, by rules on the profile table and by rules on the drift table.
fn learned_from(monitor: &Monitor, profiles: &Profiles, subjects: &[Subject]) -> [Vec<Subject>; 2] {
    let is_of = |rule: &Rule, subject: &Subject| {
        let of = measure_of(rule.metric.name());
        let (name, has_metric) = match subject {
            Subject::Table => (TABLE, of.is_some_and(MeasureOf::is_of_tables)),
            Subject::Column(place) => {
                (profiles.columns[*place].name.as_str(), of.is_some_and(MeasureOf::is_of_columns))
            }
        };
        has_metric && rule.columns.as_ref().is_none_or(|columns| columns.iter().any(|column| column == name))
    };
    let of_rules = |is_wanted: fn(&Metric) -> bool| {
        let learned = |subject: &&Subject| {
            monitor.learned_rules().any(|rule| is_wanted(&rule.metric) && is_of(rule, subject))
        };
        subjects.iter().filter(learned).copied().collect()
    };
    [
        of_rules(|metric| matches!(metric, Metric::Profile(_))),
        of_rules(|metric| matches!(metric, Metric::Drift(_))),
    ]
}
