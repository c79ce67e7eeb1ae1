//! The matrix as Markdown and as a picture.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::fault::Fault;
use crate::matrix::{Cell, Outcomes};

/// Where a row stands: function, flow, call.
type Row = (String, String, String);

/// One line for the README.
pub fn summary(outcomes: &Outcomes) -> String {
    let red = outcomes.values().filter(|outcome| outcome.is_err()).count();
    let functions: BTreeSet<_> = outcomes.keys().map(|cell| &cell.call.function).collect();
    let calls: BTreeSet<_> = outcomes.keys().map(|cell| &cell.call).collect();
    format!(
        "{} cells: {} calls of {} functions, {} kinds of faults; {} red",
        outcomes.len(),
        calls.len(),
        functions.len(),
        columns(outcomes).len(),
        red,
    )
}

/// The whole matrix.
pub fn markdown(outcomes: &Outcomes) -> String {
    let columns = columns(outcomes);
    let mut text = format!("# The crash matrix\n\n{}\n", summary(outcomes));
    let mut function = String::new();
    for (row, cells) in rows(outcomes) {
        if row.0 != function {
            function.clone_from(&row.0);
            let heads: Vec<&str> = columns.iter().map(|fault| fault.name()).collect();
            let _ = write!(
                text,
                "\n## {function}\n\n| flow | call | {} |\n",
                heads.join(" | ")
            );
            let _ = writeln!(text, "|---|---|{}", "---|".repeat(columns.len()));
        }
        let marks: Vec<&str> = columns
            .iter()
            .map(|fault| match cells.get(fault) {
                None => "",
                Some(true) => "ok",
                Some(false) => "**RED**",
            })
            .collect();
        let _ = writeln!(text, "| {} | {} | {} |", row.1, row.2, marks.join(" | "));
    }
    let red: Vec<_> = outcomes
        .iter()
        .filter(|(_, outcome)| outcome.is_err())
        .collect();
    if !red.is_empty() {
        text.push_str("\n## Red cells\n\n");
    }
    for (cell, outcome) in red {
        if let Err(broken) = outcome {
            let _ = writeln!(
                text,
                "- `{cell}`  \n  {broken}  \n  alone: `{}`",
                alone(cell)
            );
        }
    }
    text
}

/// How a cell is run alone.
pub fn alone(cell: &Cell) -> String {
    format!("CRASH_MATRIX='{cell}' cargo test --test crash-matrix")
}

/// A picture: a row for each call, a column for each fault.
pub fn picture(outcomes: &Outcomes) -> String {
    const ROW: usize = 16;
    const COLUMN: usize = 22;
    const LEFT: usize = 620;
    const TOP: usize = 130;
    let columns = columns(outcomes);
    let rows = rows(outcomes);
    let (width, height) = (
        LEFT + columns.len() * COLUMN + 90,
        TOP + rows.len() * ROW + 20,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"10\" y=\"22\" font-size=\"15\" font-weight=\"bold\">The crash matrix</text>\n\
         <text x=\"10\" y=\"40\">{}</text>\n",
        escaped(&summary(outcomes)),
    );
    for (index, fault) in columns.iter().enumerate() {
        let (x, y) = (LEFT + index * COLUMN + 12, TOP - 6);
        let _ = writeln!(
            svg,
            "<text transform=\"translate({x},{y}) rotate(-50)\">{}</text>",
            fault.name(),
        );
    }
    for (index, ((function, flow, call), cells)) in rows.iter().enumerate() {
        let y = TOP + index * ROW;
        let label = format!("{function} · {flow} · {call}");
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LEFT - 6,
            y + 12,
            escaped(&label),
        );
        for (column, fault) in columns.iter().enumerate() {
            let color = match cells.get(fault) {
                None => "#eef0f2",
                Some(true) => "#3fa34d",
                Some(false) => "#d7263d",
            };
            let x = LEFT + column * COLUMN;
            let (w, h) = (COLUMN - 2, ROW - 2);
            let _ = writeln!(
                svg,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"{color}\"/>",
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn columns(outcomes: &Outcomes) -> Vec<Fault> {
    let faults: BTreeSet<Fault> = outcomes.keys().map(|cell| cell.fault).collect();
    faults.into_iter().collect()
}

/// Each row with its cells: whether they are well.
fn rows(outcomes: &Outcomes) -> BTreeMap<Row, BTreeMap<Fault, bool>> {
    let mut rows: BTreeMap<Row, BTreeMap<Fault, bool>> = BTreeMap::new();
    for (cell, outcome) in outcomes {
        let call = cell.call.to_string();
        let call = call
            .strip_prefix(&cell.call.function)
            .unwrap_or(&call)
            .trim()
            .to_owned();
        let row = (
            cell.call.function.clone(),
            cell.flow.name().to_owned(),
            call,
        );
        rows.entry(row)
            .or_default()
            .insert(cell.fault, outcome.is_ok());
    }
    rows
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
