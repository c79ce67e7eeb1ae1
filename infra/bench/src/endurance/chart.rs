//! The run as a picture: what became of the issuances, backlog and memory, over time.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::QUEUES;
use super::watch::Sample;
use crate::Failure;

const SIZE: (u32, u32) = (1_100, 1_000);
const FONT: (&str, u32) = ("sans-serif", 14);
/// Colours that colour-blind people can tell apart (Okabe and Ito).
const COLORS: [RGBColor; 5] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 86, 86),
];

/// A line of a panel: its name, and its value in a sample.
type Line<'a> = (&'a str, Box<dyn Fn(&Sample) -> Option<f64> + 'a>);

fn line<'a>(name: &'a str, value: impl Fn(&Sample) -> Option<u64> + 'a) -> Line<'a> {
    (
        name,
        Box::new(move |sample| value(sample).map(|value| value as f64)),
    )
}

/// Draws what was seen as an SVG file.
pub(crate) fn draw(path: &Path, samples: &[Sample], title: &str) -> Result<(), Failure> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let root = root.titled(title, ("sans-serif", 20))?;
    let issuances = vec![
        line("started", |sample| Some(sample.counts.started)),
        line("completed", |sample| Some(sample.counts.completed)),
        line("expired", |sample| Some(sample.counts.expired)),
        line("polls", |sample| Some(sample.counts.polls)),
        line("messages that are not due yet", |sample| {
            Some(sample.backlogs.iter().map(|one| one.delayed).sum())
        }),
    ];
    let due = QUEUES.iter().enumerate();
    let due =
        due.map(|(index, name)| line(name, move |sample| Some(sample.backlogs.get(index)?.due)));
    let memory = vec![line("memory", |sample| {
        Some(sample.memory_bytes? / 1_000_000)
    })];
    let drawn = [
        ("issuances", issuances),
        ("messages that are due, by queue", due.collect()),
        ("MB of an average process", memory),
    ];
    for (panel, (title, lines)) in root.split_evenly((drawn.len(), 1)).iter().zip(&drawn) {
        draw_panel(panel, title, lines, samples)?;
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
    let values = samples
        .iter()
        .flat_map(|sample| lines.iter().filter_map(|(_, value)| value(sample)));
    let highest = values.fold(1.0, f64::max);
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
    for ((name, value), &color) in lines.iter().zip(&COLORS) {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::watch::{Backlog, Counts};
    use super::*;

    #[test]
    fn a_picture_has_its_title_and_a_line_for_each_queue() {
        let samples = (1..=3).map(|number| Sample {
            at: Duration::from_secs(number),
            counts: Counts {
                started: number * 10,
                ..Counts::default()
            },
            backlogs: vec![Backlog::default(); QUEUES.len()],
            memory_bytes: (number > 1).then_some(14_000_000),
        });
        let samples: Vec<_> = samples.collect();
        let path = std::env::temp_dir().join(format!("{}.svg", std::process::id()));
        draw(&path, &samples, "30 issuances").unwrap();
        let picture = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(picture.contains("30 issuances"));
        assert!(QUEUES.iter().all(|queue| picture.contains(queue)));
    }
}
