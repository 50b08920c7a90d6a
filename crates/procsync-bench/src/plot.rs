//! Pictures as SVG, written by hand: bars, and lines with their names beside their ends. They bring their own paper, light
//! or dark as the reader's system is.

use std::fmt::Write as _;

use crate::table::shown;

const WIDTH: f64 = 760.0;
/// Of one line of text, with what is between two.
const LINE: f64 = 17.0;
/// Of a letter, rather too much than too little: the reader's font is not known.
const LETTER: f64 = 7.0;

/// Seen well on white and on black. Ours come first, in the two strongest.
const COLOURS: [&str; 16] = [
    "#2f81f7", "#e5534b", "#2da44e", "#bf8700", "#a371f7", "#e0823d", "#1b9e9e", "#d55fa8",
    "#8a8f98", "#7c8a2f", "#5f7fbf", "#b0606f", "#4f9f7f", "#9f7f4f", "#7d6fb0", "#6f8fa0",
];

const STYLE: &str = "text{font:12px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;fill:#1f2328}\
.paper{fill:#fff}.title{font-size:14px;font-weight:600}.soft{fill:#59636e}.grid{stroke:#d1d9e0;stroke-width:1}\
.line{fill:none;stroke-width:1.4;stroke-linejoin:round}.ours{stroke-width:3}.more{stroke-dasharray:5 3}.tie{fill:none;stroke-width:1;opacity:.5}\
@media (prefers-color-scheme:dark){text{fill:#f0f6fc}.paper{fill:#0d1117}.soft{fill:#9198a1}.grid{stroke:#3d444d}}";

/// Bars stand beside their names, so colour is free to tell ours from theirs.
const OURS: &str = "procsync";
const GREY: &str = "#8a8f98";

/// One contender's line or bar.
pub(crate) struct Series {
    pub(crate) name: String,
    /// Across and up. A bar has one point, of which only the second number counts.
    pub(crate) points: Vec<(f64, f64)>,
}

pub(crate) struct Plot {
    pub(crate) title: String,
    /// What the axis of figures is, and which way is better.
    pub(crate) figures: String,
    pub(crate) series: Vec<Series>,
}

/// What stands under the horizontal axis of a plot with lines.
pub(crate) struct Across {
    pub(crate) label: String,
    /// Where on the axis, and what to write there.
    pub(crate) ticks: Vec<(f64, String)>,
}

impl Plot {
    fn values(&self) -> impl Iterator<Item = f64> {
        self.series.iter().flat_map(|series| series.points.iter().map(|point| point.1))
    }

    /// One bar for each contender, its name before it and its figure behind it; below, names of those who have none,
    /// and why.
    pub(crate) fn bars(&self, without: &[(String, String)]) -> String {
        let names = without.iter().map(|(name, _)| name.chars().count() as f64 * LETTER);
        let before = 12.0 + names.fold(self.widest_name(), f64::max) + 8.0;
        let behind = 9.0 * LETTER;
        let scale = Scale::of(self.values(), (before, WIDTH - behind));
        let top = 58.0;
        let bottom = top + LINE * (self.series.len() + without.len()) as f64 + 4.0;
        let mut svg = self.begin(bottom + 28.0);
        for (at, text) in scale.ticks() {
            line(&mut svg, "grid", (at, top - 4.0), (at, bottom));
            label(&mut svg, "soft", "middle", (at, bottom + 16.0), &text);
        }
        for (index, series) in self.series.iter().enumerate() {
            let Some(&(_, value)) = series.points.first() else { continue };
            let (y, end) = (top + LINE * index as f64, scale.at(value));
            label(&mut svg, "", "end", (before - 8.0, y + 11.0), &series.name);
            let length = (end - before).max(1.0);
            let colour = if series.name.starts_with(OURS) { COLOURS[0] } else { GREY };
            put(
                &mut svg,
                format_args!(
                    r#"<rect x="{before:.1}" y="{:.1}" width="{length:.1}" height="{:.1}" rx="2" fill="{colour}"/>"#,
                    y + 1.0,
                    LINE - 5.0
                ),
            );
            label(&mut svg, "", "start", (end.max(before) + 6.0, y + 11.0), &shown(value));
        }
        for (index, (name, why)) in without.iter().enumerate() {
            let y = top + LINE * (self.series.len() + index) as f64 + 11.0;
            label(&mut svg, "", "end", (before - 8.0, y), name);
            label(&mut svg, "soft", "start", (before + 6.0, y), why);
        }
        svg + "</svg>\n"
    }

    /// One line for each contender, its name behind its end.
    pub(crate) fn lines(&self, across: &Across) -> String {
        let names = self.widest_name() + 46.0;
        let (left, right) = (64.0, WIDTH - names);
        let (top, bottom) = (58.0, 58.0 + (LINE * self.series.len() as f64).max(240.0));
        let up = Scale::of(self.values(), (bottom, top));
        let ticks = || across.ticks.iter().map(|tick| tick.0);
        let (first, last) = (ticks().fold(f64::MAX, f64::min), ticks().fold(f64::MIN, f64::max));
        let at = |x: f64| left + (x - first) / (last - first).max(f64::EPSILON) * (right - left);

        let mut svg = self.begin(bottom + 46.0);
        for (y, text) in up.ticks() {
            line(&mut svg, "grid", (left, y), (right, y));
            label(&mut svg, "soft", "end", (left - 8.0, y + 4.0), &text);
        }
        let mut free_from = f64::MIN;
        for (x, text) in &across.ticks {
            let (x, half) = (at(*x), text.chars().count() as f64 * LETTER / 2.0);
            line(&mut svg, "grid", (x, top), (x, bottom));
            if x - half > free_from {
                label(&mut svg, "soft", "middle", (x, bottom + 16.0), text);
                free_from = x + half + 4.0;
            }
        }
        label(&mut svg, "soft", "middle", ((left + right) / 2.0, bottom + 36.0), &across.label);

        let drawn: Vec<&Series> =
            self.series.iter().filter(|series| !series.points.is_empty()).collect();
        let ends = drawn.iter().map(|series| up.at(series.points[series.points.len() - 1].1));
        let names_at = apart(&ends.collect::<Vec<_>>(), LINE - 2.0, (top, bottom));
        // The first ones are ours: drawn last, they lie on top.
        for (index, series) in drawn.iter().enumerate().rev() {
            let colour = COLOURS[index % COLOURS.len()];
            let points: Vec<(f64, f64)> =
                series.points.iter().map(|&(x, y)| (at(x), up.at(y))).collect();
            let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let path = path.join(" ");
            let ours = if series.name.starts_with(OURS) { " ours" } else { "" };
            // Those for which there is no colour left are dashed.
            let more = if index < COLOURS.len() { "" } else { " more" };
            put(
                &mut svg,
                format_args!(
                    r#"<polyline class="line{ours}{more}" stroke="{colour}" points="{path}"/>"#
                ),
            );
            for (x, y) in &points {
                put(
                    &mut svg,
                    format_args!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="2.5" fill="{colour}"/>"#),
                );
            }
            let Some(&(x, y)) = points.last() else { continue };
            let (dot_x, name_y) = (right + 30.0, names_at[index]);
            // Straight, so that these never cross: places keep the order of the ends.
            put(
                &mut svg,
                format_args!(
                    r#"<polyline class="tie" stroke="{colour}" points="{x:.1},{y:.1} {:.1},{y:.1} {dot_x:.1},{name_y:.1}"/>"#,
                    right + 4.0
                ),
            );
            put(
                &mut svg,
                format_args!(r#"<circle cx="{dot_x:.1}" cy="{name_y:.1}" r="4" fill="{colour}"/>"#),
            );
            label(&mut svg, "", "start", (dot_x + 9.0, name_y + 4.0), &series.name);
        }
        svg + "</svg>\n"
    }

    fn begin(&self, height: f64) -> String {
        let mut svg = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0}" width="{WIDTH}" height="{height:.0}" role="img">"#
        );
        put(
            &mut svg,
            format_args!("\n<title>{}</title>\n<style>{STYLE}</style>", escaped(&self.title)),
        );
        put(&mut svg, format_args!(r#"<rect class="paper" width="100%" height="100%" rx="6"/>"#));
        label(&mut svg, "title", "start", (12.0, 22.0), &self.title);
        label(&mut svg, "soft", "start", (12.0, 41.0), &self.figures);
        svg
    }

    fn widest_name(&self) -> f64 {
        let letters = self.series.iter().map(|series| series.name.chars().count());
        letters.max().unwrap_or(0) as f64 * LETTER
    }
}

fn put(svg: &mut String, element: std::fmt::Arguments<'_>) {
    writeln!(svg, "{element}").expect("a string takes everything");
}

fn label(svg: &mut String, class: &str, anchor: &str, (x, y): (f64, f64), text: &str) {
    let text = escaped(text);
    let class = if class.is_empty() { String::new() } else { format!(r#" class="{class}""#) };
    put(
        svg,
        format_args!(r#"<text{class} x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#),
    );
}

fn line(svg: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    let ((x1, y1), (x2, y2)) = (from, to);
    put(
        svg,
        format_args!(
            r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        ),
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Moves places apart until each two are `gap` from one another, within bounds if there is room for all.
fn apart(wanted: &[f64], gap: f64, (top, bottom): (f64, f64)) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    let mut places = wanted.to_vec();
    let mut least = top;
    for &index in &order {
        places[index] = places[index].max(least);
        least = places[index] + gap;
    }
    let mut most = bottom;
    for &index in order.iter().rev() {
        places[index] = places[index].min(most);
        most = places[index] - gap;
    }
    places
}

/// From figures to places. By powers of ten where figures differ much, from zero where they do not.
struct Scale {
    logarithmic: bool,
    from: f64,
    to: f64,
    places: (f64, f64),
}

/// Above this ratio of the largest figure to the smallest, small ones would not be seen.
const MUCH: f64 = 30.0;

impl Scale {
    fn of(values: impl Iterator<Item = f64>, places: (f64, f64)) -> Self {
        let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        let largest = values.iter().copied().fold(0.0, f64::max);
        let above_zero = values.iter().copied().filter(|&value| value > 0.0);
        let smallest = above_zero.fold(largest, f64::min);
        let logarithmic = largest > smallest * MUCH;
        let (from, to) = if logarithmic {
            (10f64.powf(smallest.log10().floor()), largest * 1.15)
        } else {
            (0.0, if largest > 0.0 { largest * 1.08 } else { 1.0 })
        };
        Scale { logarithmic, from, to, places }
    }

    fn at(&self, value: f64) -> f64 {
        let share = if self.logarithmic {
            (value.max(self.from) / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        self.places.0 + share * (self.places.1 - self.places.0)
    }

    fn ticks(&self) -> Vec<(f64, String)> {
        let mut ticks = Vec::new();
        if self.logarithmic {
            let mut value = self.from;
            while value <= self.to {
                ticks.push(value);
                value *= 10.0;
            }
        } else {
            let rough = self.to / 5.0;
            let power = 10f64.powf(rough.log10().floor());
            let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
            let step = step.into_iter().find(|&step| step >= rough).unwrap_or(rough);
            let mut value = 0.0;
            while value <= self.to {
                ticks.push(value);
                value += step;
            }
        }
        ticks.into_iter().map(|value| (self.at(value), tick_text(value))).collect()
    }
}

/// Without the digits that a figure has only to be comparable with others.
fn tick_text(value: f64) -> String {
    if value >= 1e6 {
        format!("{} M", value / 1e6)
    } else if value >= 100.0 {
        shown(value)
    } else {
        format!("{}", (value * 1e6).round() / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(values: &[f64]) -> Plot {
        let series = values.iter().enumerate().map(|(index, &value)| Series {
            name: format!("contender <{index}>"),
            points: vec![(1.0, value), (2.0, value * 2.0)],
        });
        Plot { title: "a & b".to_owned(), figures: "ns".to_owned(), series: series.collect() }
    }

    #[test]
    fn names_never_overlap() {
        let places = apart(&[100.0, 100.0, 101.0, 50.0, 299.0], 15.0, (50.0, 300.0));
        let mut sorted = places.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= 15.0 - 1e-9), "{places:?}");
        assert!(sorted[0] >= 50.0 && sorted[4] <= 300.0, "{places:?}");
        assert!(places[3] < places[0] && places[0] < places[2] && places[2] < places[4]);
    }

    #[test]
    fn a_scale_keeps_the_order_and_stays_within_its_places() {
        for values in [vec![1.0, 2.0, 9.0], vec![0.5, 40.0, 90_000.0], vec![0.0, 0.0], vec![7.0]] {
            let scale = Scale::of(values.iter().copied(), (0.0, 100.0));
            let places: Vec<f64> = values.iter().map(|&value| scale.at(value)).collect();
            assert!(places.windows(2).all(|pair| pair[0] <= pair[1]), "{values:?}: {places:?}");
            assert!(places.iter().all(|place| (0.0..=100.0).contains(place)), "{places:?}");
            assert!(scale.ticks().len() >= 2 && scale.ticks().len() < 12, "{values:?}");
        }
    }

    #[test]
    fn pictures_are_well_formed_and_show_everybody() {
        let ticks = vec![(1.0, "1".to_owned()), (2.0, "2".to_owned())];
        let across = Across { label: "processes".to_owned(), ticks };
        let plot = plot(&[1.0, 5.0, 5_000.0]);
        let without = [("mortal".to_owned(), "blocks for ever".to_owned())];
        assert!(plot.bars(&without).contains(">mortal</text>"));
        assert!(plot.bars(&without).contains(">blocks for ever</text>"));
        for svg in [plot.bars(&without), plot.lines(&across)] {
            assert!(svg.contains("<title>a &amp; b</title>"), "{svg}");
            assert_eq!(svg.matches("contender &lt;").count(), 3, "{svg}");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        }
    }
}
