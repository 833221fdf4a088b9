//! What all runs came to, kept in a file so that short runs add up.

use crate::failure::{Doing, Failure};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

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
    /// Of the processor; less than the seconds that went by where others wanted it, too.
    pub(crate) cpu_seconds: u64,
}

impl Run {
    pub(crate) fn words(&self) -> String {
        format!(
            "{} executions in {} s ({} s of the processor), {} edges, {} features, {} inputs, {} MiB",
            self.executions,
            self.seconds,
            self.cpu_seconds,
            self.edges,
            self.features,
            self.inputs,
            self.peak_mib
        )
    }

    fn numbers(&mut self) -> [&mut u64; 7] {
        [
            &mut self.seconds,
            &mut self.executions,
            &mut self.edges,
            &mut self.features,
            &mut self.inputs,
            &mut self.peak_mib,
            &mut self.cpu_seconds,
        ]
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
            for line in text.lines() {
                let mut fields = line.split('\t');
                let mut run = Run { target: fields.next().unwrap_or("").to_owned(), ..Run::default() };
                for (number, field) in run.numbers().into_iter().zip(fields) {
                    *number = field.parse().unwrap_or(0);
                }
                all.push(run);
            }
        }
        Ok(Self { path, all })
    }

    pub(crate) fn add(&mut self, run: &Run) -> Result<(), Failure> {
        self.all.push(run.clone());
        let mut text = String::new();
        for run in &mut self.all {
            let target = run.target.clone();
            let numbers = run.numbers().map(|number| number.to_string()).join("\t");
            text += &format!("{target}\t{numbers}\n");
        }
        fs::write(&self.path, text).doing(|| format!("writing {}", self.path.display()))
    }

    /// Seconds of the processor that `target` has had in all runs.
    pub(crate) fn cpu_seconds(&self, target: &str) -> u64 {
        self.all.iter().filter(|run| run.target == target).map(|run| run.cpu_seconds).sum()
    }

    /// Sums for each target.
    pub(crate) fn table(&self) -> String {
        let mut sums: BTreeMap<&str, Run> = BTreeMap::new();
        for run in &self.all {
            let sum = sums.entry(&run.target).or_default();
            sum.seconds += run.seconds;
            sum.cpu_seconds += run.cpu_seconds;
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
            let Run { seconds, cpu_seconds, executions, edges, features, inputs, peak_mib, .. } = sum;
            // Writing to a text cannot fail.
            let _ = writeln!(
                table,
                "| {name} | {seconds} | {cpu_seconds} | {executions} | {edges} | {features} | {inputs} | {peak_mib} |"
            );
        }
        table
    }
}
