//! What all runs came to, kept in a file so that short runs add up.

use crate::failure::{Doing, Failure};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// One run.
#[derive(Clone, Default)]
pub(crate) struct Run {
    pub(crate) target: String,
    pub(crate) seconds: u64,
    pub(crate) executions: u64,
    /// Edges of our own crates that were reached.
    pub(crate) edges: u64,
    /// Edges with how often, and comparisons.
    pub(crate) features: u64,
    /// Files in the corpus.
    pub(crate) inputs: u64,
    pub(crate) peak_mib: u64,
    /// Time of the processor, in the file to the millisecond; less than the seconds that went by where others wanted it, too.
    pub(crate) cpu: Duration,
}

impl Run {
    pub(crate) fn words(&self) -> String {
        format!(
            "{} executions in {} s ({:.3} s of the processor), {} edges, {} features, {} inputs, {} MiB",
            self.executions,
            self.seconds,
            self.cpu.as_secs_f64(),
            self.edges,
            self.features,
            self.inputs,
            self.peak_mib
        )
    }

    /// Reads a line of the file. What is not there is 0; seconds of the processor were whole ones once.
    fn parse(line: &str) -> Self {
        let mut fields = line.split('\t');
        let mut run = Self { target: fields.next().unwrap_or("").to_owned(), ..Self::default() };
        for number in [
            &mut run.seconds,
            &mut run.executions,
            &mut run.edges,
            &mut run.features,
            &mut run.inputs,
            &mut run.peak_mib,
        ] {
            *number = fields.next().and_then(|field| field.parse().ok()).unwrap_or(0);
        }
        let cpu = fields.next().and_then(|field| field.parse().ok());
        run.cpu = cpu.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or_default();
        run
    }

    fn line(&self) -> String {
        let Self { target, seconds, executions, edges, features, inputs, peak_mib, cpu } = self;
        let cpu = cpu.as_secs_f64();
        format!("{target}\t{seconds}\t{executions}\t{edges}\t{features}\t{inputs}\t{peak_mib}\t{cpu:.3}\n")
    }
}

/// All runs so far.
pub(crate) struct Runs {
    path: PathBuf,
    all: Vec<Run>,
}

impl Runs {
    pub(crate) fn open(path: PathBuf) -> Result<Self, Failure> {
        let mut all = Vec::new();
        if path.exists() {
            let text = fs::read_to_string(&path).doing(|| format!("reading {}", path.display()))?;
            all.extend(text.lines().map(Run::parse));
        }
        Ok(Self { path, all })
    }

    pub(crate) fn add(&mut self, run: &Run) -> Result<(), Failure> {
        self.all.push(run.clone());
        let text: String = self.all.iter().map(Run::line).collect();
        fs::write(&self.path, text).doing(|| format!("writing {}", self.path.display()))
    }

    /// Time of the processor that `target` has had in all runs.
    pub(crate) fn cpu(&self, target: &str) -> Duration {
        self.all.iter().filter(|run| run.target == target).map(|run| run.cpu).sum()
    }

    /// Sums for each target.
    pub(crate) fn table(&self) -> String {
        let mut sums: BTreeMap<&str, Run> = BTreeMap::new();
        for run in &self.all {
            let sum = sums.entry(&run.target).or_default();
            sum.seconds += run.seconds;
            sum.cpu += run.cpu;
            sum.executions += run.executions;
            sum.edges = sum.edges.max(run.edges);
            sum.features = sum.features.max(run.features);
            sum.inputs = run.inputs;
            sum.peak_mib = sum.peak_mib.max(run.peak_mib);
        }
        let mut table = String::from(
            "| target | seconds | of the processor | executions | edges | features | inputs kept | peak MiB |\n\
             |---|---|---|---|---|---|---|---|\n",
        );
        for (name, sum) in sums {
            let Run { seconds, cpu, executions, edges, features, inputs, peak_mib, .. } = sum;
            let cpu = cpu.as_secs_f64();
            // Writing to a text cannot fail.
            let _ = writeln!(
                table,
                "| {name} | {seconds} | {cpu:.1} | {executions} | {edges} | {features} | {inputs} | {peak_mib} |"
            );
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_runs_add_up_and_older_lines_are_read() {
        let line = "key\t187\t28112\t780\t1471\t246\t28";
        let older: Vec<Run> = ["", "\t0", "\t2"].map(|cpu| Run::parse(&format!("{line}{cpu}"))).into();
        assert!(older.iter().all(|run| run.target == "key" && run.peak_mib == 28));
        let short = Run { cpu: Duration::from_millis(900), ..older[0].clone() };
        assert_eq!(Run::parse(short.line().trim_end()).cpu, short.cpu);
        let runs = Runs { path: PathBuf::new(), all: [older, vec![short.clone(), short]].concat() };
        assert_eq!(runs.cpu("key"), Duration::from_millis(3800));
        assert_eq!(runs.cpu("other"), Duration::ZERO);
        assert_eq!(Run::parse(&format!("{line}\t-1")).cpu, Duration::ZERO);
    }
}
