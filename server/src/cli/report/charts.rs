//! Charts as SVG that stands within the page. Its colours are names of the page's style sheet, so that they follow light and dark.

use super::page::Chart;
use charts_rs::{BarChart, Color};
use serde_json::json;

/// Colours that stand for those of the style sheet (`style.css`), which has rules for just these.
const SERIES: [&str; 3] = ["#6B3FA0", "#B3851B", "#5E7185"];
const TEXT: &str = "#4A5160";
const LINES: &str = "#D5D9E0";

/// Steps of the axis, each a whole number.
const STEPS: usize = 4;

/// The chart as an element `svg`; nothing where it cannot be drawn.
pub(super) fn svg(chart: &Chart) -> Option<String> {
    let count = chart.names.len();
    let at = |index: usize| chart.series.iter().filter_map(move |(_, numbers)| numbers.get(index).copied());
    let highest = |index: usize| if chart.is_stacked { at(index).sum() } else { at(index).max().unwrap_or_default() };
    let most: usize = (0..count).map(highest).max().unwrap_or_default();
    let top = most.div_ceil(STEPS).max(1) * STEPS;
    let series = chart.series.iter().map(|(name, numbers)| {
        let stack = if chart.is_stacked { "all" } else { name };
        // The library measures with a font of its own, and the page's may be wider.
        json!({ "name": format!("{name}\u{2003}\u{2003}"), "data": numbers, "stack": stack })
    });
    let options = json!({
        "width": 760,
        "height": 260,
        "font_family": "Roboto",
        "legend_font_color": TEXT,
        "legend_font_size": 13,
        "legend_category": "rect",
        "x_axis_data": chart.names,
        "x_axis_font_color": TEXT,
        "x_axis_font_size": 12,
        "x_axis_stroke_color": LINES,
        "y_axis_configs": [{
            "axis_font_color": TEXT,
            "axis_font_size": 12,
            "axis_min": 0,
            "axis_max": top,
            "axis_split_number": STEPS,
        }],
        "grid_stroke_color": LINES,
        "series_colors": SERIES,
        "series_list": series.collect::<Vec<_>>(),
    });
    let mut chart = BarChart::from_json(&options.to_string()).ok()?;
    chart.background_color = Color::transparent();
    chart.svg().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(numbers: Vec<usize>) -> String {
        let names = numbers.iter().enumerate().map(|(index, _)| format!("n{index}")).collect();
        svg(&Chart { shows: "", names, is_stacked: true, series: vec![("one", numbers.clone()), ("<two>", numbers)] })
            .expect("a chart")
    }

    #[test]
    fn a_chart_is_drawn_in_the_colours_of_the_page_and_holds_nothing_that_runs() {
        let svg = chart(vec![1, 2, 3]);
        let document = roxmltree::Document::parse(&svg).expect("well-formed");
        let style = include_str!("style.css");
        for element in document.descendants().filter(roxmltree::Node::is_element) {
            assert!(!["script", "style", "image", "foreignObject", "a"].contains(&element.tag_name().name()));
            for attribute in element.attributes() {
                assert!(!attribute.name().starts_with("on") && !["style", "href"].contains(&attribute.name()));
                if ["fill", "stroke"].contains(&attribute.name()) && attribute.value().starts_with('#') {
                    let rule = format!("[{}=\"{}\"", attribute.name(), attribute.value());
                    assert!(style.contains(&rule), "{rule} has no rule");
                }
            }
        }
        assert!(svg.contains("&lt;two&gt;"));
    }

    #[test]
    fn any_numbers_make_a_chart() {
        for numbers in [vec![0], vec![1], vec![usize::MAX / 16; 3], vec![5; 60]] {
            chart(numbers);
        }
    }
}
