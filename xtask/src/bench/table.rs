/// A line of the result: ours, the peer's, and what product and issue ask for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// Ours.
    pub(crate) ours: Quantity,
    /// The peer's name and figure.
    pub(crate) peer: Option<(String, Quantity)>,
    /// Ours/peer; of neighbouring runs, where they were measured in pairs.
    pub(crate) ratio: Option<f64>,
    /// The most it should be.
    pub(crate) target: Option<Quantity>,
}

/// A figure with its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Quantity {
    /// Seconds.
    Seconds(f64),
    /// Megabytes (10⁶ bytes).
    Megabytes(f64),
}

impl Quantity {
    fn value(self) -> f64 {
        match self {
            Quantity::Seconds(v) | Quantity::Megabytes(v) => v,
        }
    }

    fn text(self) -> String {
        match self {
            Quantity::Seconds(s) if s < 1.0 => format!("{:.1} ms", s * 1e3),
            Quantity::Seconds(s) => format!("{s:.2} s"),
            Quantity::Megabytes(m) => format!("{m:.1} MB"),
        }
    }
}

impl Row {
    /// A row without peer or target.
    pub(crate) fn new(what: &str, ours: Quantity) -> Row {
        Row { what: what.to_owned(), ours, peer: None, ratio: None, target: None }
    }

    /// The same, with the most it should be.
    pub(crate) fn target(mut self, target: Quantity) -> Row {
        self.target = Some(target);
        self
    }

    /// The same, beside a peer.
    pub(crate) fn beside(mut self, name: &str, peer: Quantity, ratio: f64) -> Row {
        self.peer = Some((name.to_owned(), peer));
        self.ratio = Some(ratio);
        self
    }

    fn cells(&self) -> [String; 6] {
        let verdict = match self.target {
            Some(t) if self.ours.value() <= t.value() => "met",
            Some(_) => "MISSED",
            None => "",
        };
        [
            self.what.clone(),
            self.ours.text(),
            self.peer.as_ref().map_or(String::new(), |(name, q)| format!("{} ({name})", q.text())),
            self.ratio.map_or(String::new(), |r| format!("{r:.3}")),
            self.target.map_or(String::new(), |t| format!("≤ {}", t.text())),
            verdict.to_owned(),
        ]
    }
}

/// The rows as a Markdown table, its columns aligned, for docs/benchmarks.md.
pub(crate) fn render(rows: &[Row]) -> String {
    let head = ["what", "ours", "peer", "ours/peer", "target", ""].map(str::to_owned);
    let mut lines = vec![head];
    lines.extend(rows.iter().map(Row::cells));
    let width = |column: usize| lines.iter().map(|l| l[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    let show = |cells: &[String; 6]| {
        let padded = cells.iter().zip(&widths).map(|(c, w)| format!(" {c:<w$} "));
        format!("|{}|\n", padded.collect::<Vec<_>>().join("|"))
    };
    let rule = widths.iter().map(|w| "-".repeat(w + 2)).collect::<Vec<_>>().join("|");
    let mut out = show(&lines[0]);
    out.push_str(&format!("|{rule}|\n"));
    lines[1..].iter().for_each(|l| out.push_str(&show(l)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_target_is_loud() {
        let rows = [
            Row::new("start", Quantity::Seconds(0.0012)).target(Quantity::Seconds(0.002)),
            Row::new("cold", Quantity::Seconds(1.5)).target(Quantity::Seconds(0.4)).beside(
                "peer",
                Quantity::Seconds(4.5),
                1.0 / 3.0,
            ),
        ];
        let want = "\
| what  | ours   | peer          | ours/peer | target     |        |
|-------|--------|---------------|-----------|------------|--------|
| start | 1.2 ms |               |           | ≤ 2.0 ms   | met    |
| cold  | 1.50 s | 4.50 s (peer) | 0.333     | ≤ 400.0 ms | MISSED |
";
        assert_eq!(render(&rows), want);
    }
}
