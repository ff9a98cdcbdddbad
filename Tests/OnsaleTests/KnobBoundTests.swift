import Testing

@testable import onsale

/// `--bound`: in the units of the file, and refused with the key, its unit and an example.
@Suite struct KnobBoundTests {
    static let known: [KnobBound.Setting] = [
        .init(path: "rooms.sale.inflow", value: 100, unit: .perSecond),
        .init(path: "rooms.sale.slots", value: 400, unit: .count),
        .init(path: "pools.web.scaling.utilization", value: 0.75, unit: .share),
    ]

    @Test(
        arguments: [
            ("rooms.sale.inflow=50/s..400/s", 50, 400), ("rooms.sale.inflow=600/min..20/s", 10, 20),
            ("rooms.sale.slots=5..5", 5, 5), ("pools.web.scaling.utilization=0.5..90%", 0.5, 0.9),
        ] as [(String, Double, Double)]
    )
    func bound_inItsUnit_isTaken(text: String, least: Double, most: Double) throws {
        #expect(try KnobBound(parsing: text, Self.known).range == least...most)
    }

    @Test(arguments: [
        ("rooms.sale.inflow=50..400", "50 has no unit"), ("rooms.sale.inflow=50/s..400", "400 has no unit"),
        ("rooms.sale.inflow=50ms..400/s", "'50ms' is none"), ("rooms.sale.inflow=..400/s", "'' is none"),
        ("rooms.sale.inflow=0/s..400/s", "not above 0"), ("rooms.sale.inflow=0.5/s..4/s", "not a whole number"),
        ("rooms.sale.inflow=9/s..4/s", "9/s is more than 4/s"), ("rooms.sale.inflow=-9/s..4/s", "'-9/s' is none"),
        ("rooms.sale.inflow=nan..inf", "'nan' is none"), ("rooms.sale.inflow=50/s", "is no KEY=LEAST..MOST"),
    ])
    func rate_thatIsNone_isRefusedWithKeyUnitAndExample(text: String, found: String) throws {
        let problem = try #require(throws: PlayProblem.self) { try KnobBound(parsing: text, Self.known) }
        let words = problem.description
        #expect(words.contains(found) && words.contains("--bound rooms.sale.inflow=25/s..400/s"), "\(words)")
        #expect(words.contains("a rate with its unit, /s") || words.contains("KEY=LEAST..MOST"), "\(words)")
    }

    @Test(arguments: [
        ("rooms.sale.slots=50/s..400/s", "'50/s' is none", "a whole number without a unit", "slots=100..1600"),
        ("rooms.sale.slots=1.5..400", "1.5 is not a whole number", "a whole number", "slots=100..1600"),
        ("pools.web.scaling.utilization=50..90", "50 has no unit", "a share, 0 to 1 or with %", "=0.19..1"),
        ("rooms.other.slots=5..9", "cannot be searched", "rooms.sale.inflow", "rooms.sale.slots"),
        ("nonsense", "is no KEY=LEAST..MOST", "'nonsense'", "rooms.sale.inflow="),
    ])
    func bound_thatIsNone_saysWhatToWrite(text: String, found: String, unit: String, example: String) throws {
        let words = try #require(throws: PlayProblem.self) { try KnobBound(parsing: text, Self.known) }.description
        for part in [found, unit, example] { #expect(words.contains(part), "\(words)") }
    }

    /// Where the file says very little, the least of a search is no more than its most.
    @Test(arguments: [0, 0.001, 0.5, 1, 3, 1_000] as [Double])
    func usualBounds_areARange(value: Double) {
        for unit in [Knob.Unit.count, .perSecond] {
            let range = KnobBound.usual(.init(path: "a", value: value, unit: unit))
            #expect(range.lowerBound >= 1 && range.upperBound >= value)
        }
    }
}
