//! The layers, bottom first.

use super::number_cell;
use crate::escape::html as text;
use crate::page::{Image, Layer};
use crate::size::number;

pub(crate) fn html(image: &Image) -> String {
    let rows: String = image.layers.iter().enumerate().map(|(i, layer)| row(i, layer)).collect();
    format!(
        "<p class=\"lead\">Bottom first. A layer that others have already need not be fetched again.</p>\n{}\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of layers\"><table><thead><tr>\
         <th scope=\"col\" class=\"n\">Layer</th><th scope=\"col\" class=\"n\">Download</th><th scope=\"col\" class=\"n\">Unpacked</th>\
         <th scope=\"col\" class=\"n\">Paths</th><th scope=\"col\">Made by</th><th scope=\"col\">Digest</th></tr></thead>\n\
         <tbody>\n{rows}</tbody></table></div>\n",
        stack(&image.layers)
    )
}

/// One bar of all layers; widths in thousandths, which is what its view box has.
fn stack(layers: &[Layer]) -> String {
    let all: u64 = layers.iter().map(|l| l.compressed).sum();
    if all == 0 || layers.len() < 2 {
        return String::new();
    }
    let mut before = 0;
    let mut rects = String::new();
    for (i, layer) in layers.iter().enumerate() {
        let (x, end) = (before as f64 / all as f64, (before + layer.compressed) as f64 / all as f64);
        rects.push_str(&format!(
            "<rect class=\"c{}\" x=\"{:.2}\" width=\"{:.2}\" height=\"10\"/>",
            i % 10,
            x * 1000.0,
            (end - x) * 1000.0
        ));
        before += layer.compressed;
    }
    format!(
        "<svg class=\"stack\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{rects}</svg>\n"
    )
}

fn row(at: usize, layer: &Layer) -> String {
    let by = if layer.made_by.is_empty() {
        "–".to_owned()
    } else {
        format!("<code>{}</code>", text(&layer.made_by))
    };
    format!(
        "<tr><td class=\"n\">{}</td>{}{}{}<td class=\"by\">{by}</td><td><code>{}</code></td></tr>\n",
        at + 1,
        number_cell(layer.compressed, &diag::bytes(layer.compressed)),
        number_cell(layer.unpacked, &diag::bytes(layer.unpacked)),
        number_cell(layer.changes, &number(layer.changes)),
        text(&layer.digest),
    )
}
