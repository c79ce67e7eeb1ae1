//! The run as a picture: backlog, latency, polls, what became of the issuances, and memory, over time.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::timeline::{Sample, Timeline};
use super::{QUEUES, Summary};
use crate::Failure;

const SIZE: (u32, u32) = (1_100, 1_500);
const FONT: (&str, u32) = ("sans-serif", 14);
/// Colours that are told apart by people who see colours differently (Okabe and Ito).
const COLORS: [RGBColor; 5] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 86, 86),
];

/// A line of a panel: its name, and its value in a sample, if it has one there.
type Line<'a> = (&'a str, Box<dyn Fn(&Sample) -> Option<f64> + 'a>);

/// Draws `timeline` as an SVG file.
pub(crate) fn draw(path: &Path, timeline: &Timeline, summary: &Summary) -> Result<(), Failure> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let root = root.titled(&summary.headline(), ("sans-serif", 20))?;
    let panels = root.split_evenly((5, 1));
    let due = |queue: usize| {
        move |sample: &Sample| sample.backlog.get(queue).map(|backlog| backlog.due as f64)
    };
    let backlog: Vec<Line<'_>> = QUEUES
        .iter()
        .enumerate()
        .map(|(index, name)| (*name, Box::new(due(index)) as Box<_>))
        .collect();
    let delayed = |sample: &Sample| {
        let delayed = sample.backlog.iter().map(|one| one.delayed).sum::<u64>();
        Some(delayed as f64)
    };
    let latency: Vec<Line<'_>> = vec![
        (
            "p50",
            Box::new(|sample| Some(sample.start?.median().as_secs_f64() * 1_000.0)),
        ),
        (
            "p99",
            Box::new(|sample| Some(sample.start?.p99().as_secs_f64() * 1_000.0)),
        ),
    ];
    let issuances: Vec<Line<'_>> = vec![
        ("started", Box::new(|sample| Some(sample.started as f64))),
        (
            "completed",
            Box::new(|sample| Some(sample.completed as f64)),
        ),
        ("expired", Box::new(|sample| Some(sample.expired as f64))),
        ("polls that are not due yet", Box::new(delayed)),
    ];
    let polls: Vec<Line<'_>> = vec![("polls", Box::new(|sample| Some(sample.polls as f64)))];
    let memory: Vec<Line<'_>> = vec![(
        "MB of an average process",
        Box::new(|sample| {
            let each = sample.memory_bytes.checked_div(sample.processes as u64)?;
            Some(each as f64 / 1e6)
        }),
    )];
    let drawn: [(&str, Vec<Line<'_>>); 5] = [
        ("issuances", issuances),
        ("messages that are due, by queue", backlog),
        ("Start issue, ms", latency),
        ("polls each second", polls),
        ("memory", memory),
    ];
    for (panel, (title, lines)) in panels.iter().zip(&drawn) {
        draw_panel(panel, title, lines, &timeline.samples)?;
    }
    root.present()?;
    Ok(())
}

fn draw_panel(
    panel: &DrawingArea<SVGBackend<'_>, Shift>,
    title: &str,
    lines: &[Line<'_>],
    samples: &[Sample],
) -> Result<(), Failure> {
    let seconds = |sample: &Sample| sample.at.as_secs_f64();
    let end = samples.last().map_or(1.0, seconds).max(1.0);
    let highest = samples
        .iter()
        .flat_map(|sample| lines.iter().filter_map(|(_, value)| value(sample)))
        .fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(panel)
        .caption(title, ("sans-serif", 16))
        .margin(8)
        .x_label_area_size(28)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..end, 0.0..highest * 1.05)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .label_style(FONT)
        .x_label_formatter(&|seconds| format!("{seconds:.0} s"))
        .y_label_formatter(&|value| format!("{value:.0}"))
        .draw()?;
    for ((name, value), color) in lines.iter().zip(COLORS.iter().cycle()) {
        let color = *color;
        let points = samples
            .iter()
            .filter_map(|sample| Some((seconds(sample), value(sample)?)));
        chart
            .draw_series(LineSeries::new(points, color.stroke_width(2)))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    if lines.len() > 1 {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.8))
            .label_font(FONT)
            .draw()?;
    }
    Ok(())
}
