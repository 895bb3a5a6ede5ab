use std::fmt::Write;

/// What was measured over one quantity.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    /// What there was more and more of.
    pub(super) of: &'static str,
    /// By number.
    pub(super) points: Vec<Point>,
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) n: u32,
    pub(super) seconds: f64,
    pub(super) megabytes: f64,
}

impl Curve {
    pub(super) fn point(&mut self, n: u32, seconds: f64, megabytes: f64) {
        self.points.push(Point { n, seconds, megabytes });
    }
}

/// A curve as two lines over logarithmic axes, where what grows linearly has the slope of the grey line.
pub(super) struct Plot<'a> {
    curve: &'a Curve,
}

impl<'a> Plot<'a> {
    pub(super) fn of(curve: &'a Curve) -> Plot<'a> {
        Plot { curve }
    }
}

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 220.0;
const MARGIN: f64 = 50.0;

/// The plots side by side as one SVG that follows the reader's light or dark scheme.
pub(super) fn draw(plots: &[Plot<'_>]) -> String {
    let width = (WIDTH + MARGIN) * plots.len() as f64 + MARGIN;
    let height = HEIGHT + 2.0 * MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"Time and memory of cold builds over packages, images and architectures\">\n\
         <style>text{{font:11px sans-serif;fill:#333}}.t{{stroke:#0b62c4;fill:none}}.m{{stroke:#b3541e;fill:none}}\
         .l{{stroke:#999;stroke-dasharray:4 3}}.a{{stroke:#999;fill:none}}.tt{{fill:#0b62c4}}.mt{{fill:#b3541e}}\
         @media(prefers-color-scheme:dark){{text{{fill:#ddd}}.t{{stroke:#6db3ff}}.m{{stroke:#ffa066}}\
         .tt{{fill:#6db3ff}}.mt{{fill:#ffa066}}}}</style>\n"
    );
    for (i, plot) in plots.iter().enumerate() {
        let _ =
            writeln!(out, "<g transform=\"translate({},{MARGIN})\">", MARGIN + i as f64 * (WIDTH + MARGIN));
        one(&mut out, plot.curve);
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
    out
}

fn one(out: &mut String, curve: &Curve) {
    let _ = writeln!(out, "<rect class=\"a\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>");
    let _ = writeln!(out, "<text x=\"0\" y=\"-24\">cold build over {}</text>", curve.of);
    let _ = writeln!(
        out,
        "<text x=\"0\" y=\"-8\"><tspan class=\"tt\">seconds</tspan> <tspan class=\"mt\">resident MB</tspan> \
         (dashed: linear)</text>"
    );
    let x = Axis::over(curve.points.iter().map(|p| f64::from(p.n)), WIDTH);
    for p in &curve.points {
        let at = x.at(f64::from(p.n));
        let _ = writeln!(
            out,
            "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            HEIGHT + 16.0,
            p.n
        );
    }
    line(out, curve, &x, "t", |p| p.seconds, -6.0);
    line(out, curve, &x, "m", |p| p.megabytes, 14.0);
}

fn line(out: &mut String, curve: &Curve, x: &Axis, class: &str, value: impl Fn(&Point) -> f64, label: f64) {
    let (Some(first), Some(last)) = (curve.points.first(), curve.points.last()) else { return };
    let linear = value(first) * f64::from(last.n) / f64::from(first.n);
    let y = Axis::over(curve.points.iter().map(&value).chain([linear]), HEIGHT);
    let place = |p: &Point| (x.at(f64::from(p.n)), HEIGHT - y.at(value(p)));
    let path: Vec<String> = curve.points.iter().map(place).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(out, "<polyline class=\"{class}\" points=\"{}\"/>", path.join(" "));
    let (x0, y0) = place(first);
    let (x1, y1) = (x.at(f64::from(last.n)), HEIGHT - y.at(linear));
    let _ = writeln!(out, "<line class=\"l\" x1=\"{x0:.1}\" y1=\"{y0:.1}\" x2=\"{x1:.1}\" y2=\"{y1:.1}\"/>");
    for p in [first, last] {
        let (x, y) = place(p);
        // The first label stands beside the line, not on it.
        let (anchor, x) = if std::ptr::eq(p, last) { ("end", x) } else { ("start", x + 18.0) };
        let _ = writeln!(
            out,
            "<text class=\"{class}t\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            y + label,
            short(value(p))
        );
    }
}

fn short(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

/// A logarithmic axis.
struct Axis {
    low: f64,
    high: f64,
    len: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, len: f64) -> Axis {
        let logs: Vec<f64> = values.filter(|v| *v > 0.0).map(f64::ln).collect();
        let low = logs.iter().copied().fold(f64::INFINITY, f64::min);
        let high = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Axis { low, high, len }
    }

    fn at(&self, value: f64) -> f64 {
        let span = self.high - self.low;
        if span > 0.0 { (value.ln() - self.low) / span * self.len } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linear_lies_on_the_line() {
        let mut curve = Curve { of: "things", points: Vec::new() };
        curve.point(1, 0.5, 10.0);
        curve.point(100, 50.0, 10.0);
        let svg = draw(&[Plot::of(&curve)]);
        assert!(svg.contains("<polyline class=\"t\" points=\"0.0,220.0 300.0,0.0\"/>"), "{svg}");
        assert!(svg.contains("x1=\"0.0\" y1=\"220.0\" x2=\"300.0\" y2=\"0.0\""), "{svg}");
        assert!(svg.contains("cold build over things") && svg.ends_with("</svg>\n"));
    }
}
