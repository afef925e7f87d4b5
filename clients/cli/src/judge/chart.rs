//! The evidence over time, as a picture.

use plotters::prelude::*;

use super::replay::Look;

const WIDTH: u32 = 900;
const HEIGHT: u32 = 420;

/// Draws the evidence of harm and of harmlessness, and the bound, in powers of e.
pub fn draw(looks: &[Look]) -> Result<String, Box<dyn std::error::Error>> {
    let mut picture = String::new();
    {
        let root = SVGBackend::with_string(&mut picture, (WIDTH, HEIGHT)).into_drawing_area();
        root.fill(&WHITE)?;
        let numbers = || looks.iter().map(|l| (l.number as f64, l.verdict.numbers()));
        let bound = looks.first().map_or(0.0, |l| l.verdict.numbers().log_bound);
        // Beyond three times the bound nothing is decided any more.
        let shown = |log: f64| log.clamp(-bound, 3.0 * bound);
        let last = looks.len().max(2) as f64;
        let mut chart = ChartBuilder::on(&root)
            .margin(16)
            .caption("Evidence over time, in powers of e", ("sans-serif", 16))
            .x_label_area_size(36)
            .y_label_area_size(44)
            .build_cartesian_2d(1.0..last, -bound..3.0 * bound)?;
        chart
            .configure_mesh()
            .x_desc("look, one a minute")
            .disable_x_mesh()
            .draw()?;
        chart
            .draw_series(LineSeries::new([(1.0, bound), (last, bound)], BLACK.mix(0.5)))?
            .label("bound")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], BLACK.mix(0.5)));
        chart
            .draw_series(LineSeries::new(
                numbers().map(|(x, n)| (x, shown(n.log_evidence))),
                RED,
            ))?
            .label("harm")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], RED));
        chart
            .draw_series(LineSeries::new(
                numbers().map(|(x, n)| (x, shown(n.log_harmless))),
                BLUE,
            ))?
            .label("harmlessness")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], BLUE));
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .draw()?;
        root.present()?;
    }
    Ok(picture)
}
