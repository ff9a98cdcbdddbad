import Foundation
import Testing

@testable import onsale

/// WCAG 2.2, success criteria 1.4.3 and 1.4.11: every text of the page against what it stands on, light and dark.
@Suite struct PageContrastTests {
    private static let least = 4.5
    private static let leastOfDrawings = 3.0
    private static let tones = ["blue", "teal", "green", "amber", "red", "violet", "grey", "ink"]

    typealias Colour = [Double]

    /// The variables of one half of the style sheet.
    struct Palette: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var colours: [String: Colour]

        init(_ name: String, _ css: String, after former: Palette? = nil) {
            self.testDescription = name
            self.colours = former?.colours ?? [:]
            for match in css.matches(of: /--([a-z]+):#([0-9a-f]{3}|[0-9a-f]{6})[;}]/) {
                self.colours[String(match.1)] = Self.colour(String(match.2))
            }
        }

        private static func colour(_ digits: String) -> Colour {
            let all = digits.count == 3 ? digits.flatMap { [$0, $0] } : Array(digits)
            return [0, 2, 4].map { Double(Int(String(all[$0...($0 + 1)]), radix: 16) ?? 0) / 255 }
        }

        /// `var(--soft)`, `currentColor` left out, `color-mix(in srgb,var(--tone) 66%,var(--ink))`.
        func colour(_ text: String, tone: String) -> Colour? {
            if let match = text.wholeMatch(of: /color-mix\(in srgb,(.+) (\d+)%,(.+)\)/) {
                guard let one = self.colour(String(match.1), tone: tone), let share = Double(match.2),
                    let other = self.colour(String(match.3), tone: tone)
                else { return nil }
                return Self.blend(one, share / 100, over: other)
            }
            guard let match = text.wholeMatch(of: /var\(--([a-z]+)\)/) else { return nil }
            return self.colours[match.1 == "tone" ? tone : String(match.1)]
        }

        static func blend(_ colour: Colour, _ share: Double, over ground: Colour) -> Colour {
            zip(colour, ground).map { $0 * share + $1 * (1 - share) }
        }
    }

    static let palettes: [Palette] = {
        let parts = PageStyle.css.split(separator: "*{box-sizing", maxSplits: 1).map(String.init)
        let halves = parts[0].split(separator: "@media", maxSplits: 1).map(String.init)
        let light = Palette("light", halves[0])
        return [light, Palette("dark", halves[1], after: light)]
    }()

    static func ratio(_ one: Colour, _ other: Colour) -> Double {
        func luminance(_ colour: Colour) -> Double {
            let linear = colour.map { $0 <= 0.04045 ? $0 / 12.92 : pow(($0 + 0.055) / 1.055, 2.4) }
            return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        }
        let both = [luminance(one), luminance(other)].sorted()
        return (both[1] + 0.05) / (both[0] + 0.05)
    }

    /// What the last rule of the style sheet says that is for that selector and knows the property.
    private static func declared(_ selector: String, _ property: String) -> String? {
        var found: String?
        for match in PageStyle.css.matches(of: /([^{}@;]+)\{([^{}]*)\}/) {
            let selectors = match.1.split(separator: ",").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
            guard selectors.contains(selector) else { continue }
            for line in match.2.split(separator: ";") {
                let parts = line.split(separator: ":", maxSplits: 1).map {
                    $0.trimmingCharacters(in: .whitespacesAndNewlines)
                }
                if parts.count == 2, parts[0] == property { found = parts[1] }
            }
        }
        return found
    }

    @Test func formula_isThatOfTheStandard() {
        #expect(abs(Self.ratio([0, 0, 0], [1, 1, 1]) - 21) < 1e-9 && Self.ratio([1, 0, 0], [1, 0, 0]) == 1)
        // #767676 is the well-known last grey on white.
        #expect(abs(Self.ratio([118 / 255, 118 / 255, 118 / 255], [1, 1, 1]) - 4.54) < 0.01)
        #expect(
            Self.palettes.allSatisfy { $0.colours.count >= 17 } && Self.palettes[0].colours != Self.palettes[1].colours
        )
    }

    // MARK: Charts

    /// Beside the drawing, on the card itself.
    private static let besideTheDrawing: Set = ["tick", "markLabel", "flowCount", "flowLabel"]

    /// A rim of the card's colour around the letters.
    private static func hasRim(_ name: String) -> Bool {
        Self.declared(".\(name)", "paint-order") == "stroke" && Self.declared(".\(name)", "stroke") == "var(--card)"
    }

    /// What a text of a chart may stand on: the card, or whatever the chart draws there.
    private static func grounds(_ name: String, _ palette: Palette) -> [Colour] {
        let card = palette.colours["card"]!
        guard !Self.besideTheDrawing.contains(name), !Self.hasRim(name) else { return [card] }
        let washes = ["fill", "wash", "column", "ribbon"].compactMap {
            Self.declared(".\($0)", "opacity").flatMap(Double.init)
        }
        #expect(washes.count == 4)
        return [card]
            + washes.flatMap { share in Self.tones.map { Palette.blend(palette.colours[$0]!, share, over: card) } }
    }

    @Test(arguments: palettes)
    func textOfAChart_standsOut(palette: Palette) throws {
        let report = try SampleReport.make(Scenario(visitors: 400, durationSeconds: 25, seed: 3))
        let page = HTMLReport(report).render()
        let names = Set(page.matches(of: /<text class="([A-Za-z]+)/).map { String($0.1) })
        #expect(names.isSuperset(of: Self.besideTheDrawing) && names.contains("end") && names.count >= 6, "\(names)")
        for name in names.union(["ruleLabel", "readout"]) {
            let text = try #require(Self.declared(".\(name)", "fill"), "\(name) has no colour of its own")
            for tone in Self.tones {
                let colour = try #require(palette.colour(text, tone: tone), "\(name): \(text)")
                for ground in Self.grounds(name, palette) {
                    let ratio = Self.ratio(colour, ground)
                    #expect(ratio >= Self.least, "\(name) of \(tone) on \(ground): \(ratio)")
                }
            }
        }
    }

    // MARK: The page

    /// Selector of the text, and the selectors or variables that it stands on.
    private static let texts: [(text: String, grounds: [String])] = [
        ("body", ["paper", "card", "goodwash", "badwash", "voidwash"]), ("header span", ["paper"]),
        ("header em", ["paper"]), (".lead", ["paper"]), (".figures span", ["paper"]), (".duel span", ["card"]),
        ("th", ["card"]), ("td.n", ["card"]), ("td.measured", ["card"]), ("td small", ["card"]),
        ("tr.bad td.measured", ["card"]), ("dt", ["card"]), ("figcaption p", ["card"]), (".legend", ["card"]),
        (".calm p", ["card"]), (".side figcaption h3", ["card"]), (".duel .worse", ["card"]),
        (".note", ["card", "paper"]),
    ]

    /// Signs in circles.
    private static let drawings: [(sign: String, ground: (selector: String, property: String))] = [
        (".seal", (".good .seal", "background")), (".seal", (".bad .seal", "background")),
        (".seal", (".void .seal", "background")), (".good .badge span", (".good .badge span", "background")),
        (".bad .badge span", (".bad .badge span", "background")),
        (".void .badge span", (".void .badge span", "background")),
    ]

    @Test(arguments: palettes)
    func textOfThePage_standsOut(palette: Palette) throws {
        for (selector, grounds) in Self.texts {
            let text = try #require(Self.declared(selector, "color"), "\(selector) has no colour of its own")
            let colour = try #require(palette.colour(text, tone: "ink"))
            for ground in grounds {
                let ratio = Self.ratio(colour, palette.colours[ground]!)
                #expect(ratio >= Self.least, "\(selector) on \(ground): \(ratio)")
            }
        }
        for (sign, place) in Self.drawings {
            let colour = try #require(Self.declared(sign, "color").flatMap { palette.colour($0, tone: "ink") })
            let found = try #require(Self.declared(place.selector, place.property))
            let ground = try #require(palette.colour(found, tone: "ink"), "\(found)")
            let ratio = Self.ratio(colour, ground)
            #expect(ratio >= Self.leastOfDrawings, "\(sign) on \(place.selector): \(ratio)")
        }
    }

    /// A rule that colours text and is in no table would never be looked at.
    @Test func tables_holdEveryRuleThatColoursText() {
        let looked = Set(Self.texts.map(\.text) + Self.drawings.map(\.sign)).union([".legend i"])
        for match in PageStyle.css.matches(of: /([^{}@;]+)\{([^{}]*)\}/) where match.2.contains(/(^|[;\s])color:/) {
            let selectors = match.1.split(separator: ",").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
            #expect(!looked.isDisjoint(with: selectors), "\(selectors) colours text and is in no table")
        }
    }
}
