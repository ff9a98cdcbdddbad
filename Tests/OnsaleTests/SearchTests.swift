import Primitives
import Testing

@testable import onsale

@Suite struct InversionSearchTests {
    typealias Exchange = AdmissionJournal.Exchange

    /// The definition, word by word: kept at the door while a higher place went in more than one tick later.
    static func isInverted(_ exchange: Exchange, in all: [Exchange], tick: Int64) -> Bool {
        let came = exchange.micros - exchange.doorWaitMicros
        return all.contains { $0.number > exchange.number && $0.micros > came + tick && $0.micros < exchange.micros }
    }

    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func search_randomHistories_findsWhatTheDefinitionFinds(seed: UInt64) {
        var draw = SplitMix64(seed: seed)
        var exchanges = (0..<60).map { _ in
            Exchange(
                micros: Int64(draw.drawInteger(0...400)),
                number: Int64(draw.drawInteger(1...80)),
                doorWaitMicros: Int64(draw.drawInteger(0...120))
            )
        }
        exchanges.sort { $0.micros < $1.micros }
        let expected = exchanges.filter { Self.isInverted($0, in: exchanges, tick: 20) }.map(\.number)
        let found = InversionSearch(exchanges, tickMicros: 20)
        #expect(found.inversions.map(\.number) == expected, "seed \(seed)")
        #expect(found.longestDoorWaitMicros == exchanges.map(\.doorWaitMicros).max())
    }

    @Test func search_latecomersWhoWereNotAtTheDoor_areNoInversions() {
        let exchanges = [(10, 5), (20, 6), (30, 1)].map {
            Exchange(micros: $0.0, number: $0.1, doorWaitMicros: 0)
        }
        #expect(InversionSearch(exchanges, tickMicros: 1).inversions.isEmpty)
    }

    @Test func search_passedBy_namesWhoAndWhom() {
        let exchanges = [
            Exchange(micros: 1_000, number: 9, doorWaitMicros: 0),
            Exchange(micros: 2_000, number: 3, doorWaitMicros: 1_500),
        ]
        #expect(
            InversionSearch(exchanges, tickMicros: 100).inversions
                == [.init(number: 3, overtakenBy: 9, doorWaitMicros: 1_500)]
        )
        #expect(InversionSearch(exchanges, tickMicros: 600).inversions.isEmpty)
    }
}

@Suite struct WindowSearchTests {
    typealias Exchange = AdmissionJournal.Exchange
    typealias Limits = AdmissionJournal.Limits

    static func limits(_ micros: Int64, _ rateMilli: Int64, _ burst: Int64) -> Limits {
        Limits(micros: micros, rateMilli: rateMilli, burst: burst, slots: 100)
    }

    /// The share used of every window on the grid of microseconds, allowances summed up one by one.
    static func worstByTrying(_ times: [Int64], _ limits: [Limits], length: Int64) -> Double {
        var worst = 0.0
        for start in -49...Int64(460) {
            let count = times.count { $0 >= start && $0 <= start + length }
            var allowed = 0.0
            var burst = limits.last { $0.micros <= start }?.burst ?? 0
            for micro in start..<(start + length) {
                allowed += Double(limits.last { $0.micros <= micro }?.rateMilli ?? 0) / 1e9
            }
            for change in limits where change.micros > start && change.micros <= start + length {
                burst = max(burst, change.burst)
            }
            worst = max(worst, Double(count) / (allowed + Double(burst)))
        }
        return worst
    }

    @Test(arguments: 1...100 as ClosedRange<UInt64>)
    func worst_randomHistories_isWhatTryingAllFinds(seed: UInt64) throws {
        var draw = SplitMix64(seed: seed)
        let times = (0..<25).map { _ in Int64(draw.drawInteger(0...400)) }.sorted()
        // Rates high enough to matter within microseconds, changes closer than a window, bursts that grow and shrink.
        let near = 130 + Int64(draw.drawInteger(1...60))
        let limits = [0, 130, near, 290].map { micros in
            Self.limits(micros, Int64(draw.drawInteger(1...60)) * 1_000_000, Int64(draw.drawInteger(1...9)))
        }
        let search = WindowSearch(
            exchanges: times.map { Exchange(micros: $0, number: 1, doorWaitMicros: 0) },
            limits: limits
        )
        let window = try #require(search.worst(lengthMicros: 50))
        let worst = Self.worstByTrying(times, limits, length: 50)
        #expect(abs(window.used - worst) < 1e-9, "seed \(seed): \(window) against \(worst)")
    }

    /// A bucket that is always asked gives exactly what is allowed, and one more is one too many.
    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func worst_ofAnExactBucket_isWithinTheLimitAndOneMoreIsNot(seed: UInt64) throws {
        var draw = SplitMix64(seed: seed)
        let rateMilli: Int64 = 100_000
        var tokensNano: Int64 = 20_000_000_000
        var micros: Int64 = 0
        var exchanges: [Exchange] = []
        while exchanges.count < 3_000 {
            let step = Int64(draw.drawInteger(1...20_000))
            micros += step
            tokensNano = min(tokensNano + step * rateMilli, 20_000_000_000)
            if tokensNano >= 1_000_000_000 {
                tokensNano -= 1_000_000_000
                exchanges.append(Exchange(micros: micros, number: Int64(exchanges.count), doorWaitMicros: 0))
            }
        }
        let limits = [Self.limits(0, rateMilli, 20)]
        for seconds in [1, 5, 30] as [Int64] {
            let worst = try #require(
                WindowSearch(exchanges: exchanges, limits: limits).worst(lengthMicros: seconds * 1_000_000)
            )
            #expect(worst.excessNano <= 0, "seed \(seed), \(seconds) s")
        }
        let middle = exchanges[1_500]
        exchanges.insert(contentsOf: Array(repeating: middle, count: 21), at: 1_500)
        let worst = try #require(WindowSearch(exchanges: exchanges, limits: limits).worst(lengthMicros: 1_000))
        #expect(worst.excessNano > 0)
        #expect(worst.startMicros <= middle.micros && worst.startMicros + 1_000 >= middle.micros)
    }

    @Test func window_acrossAReload_addsBothRates() {
        let search = WindowSearch(
            exchanges: [Exchange(micros: 5_000_000, number: 1, doorWaitMicros: 0)],
            limits: [Self.limits(0, 100_000, 10), Self.limits(5_000_000, 200_000, 30)]
        )
        let window = search.window(startMicros: 4_000_000, lengthMicros: 2_000_000)
        #expect(window.allowed == 100 + 200 + 30)
        #expect(window.exchanges == 1)
    }

    @Test func worst_beforeAnyLimits_allowsNothing() throws {
        let exchange = Exchange(micros: 10, number: 1, doorWaitMicros: 0)
        let window = try #require(WindowSearch(exchanges: [exchange], limits: []).worst(lengthMicros: 5))
        #expect(window.excessNano == 1_000_000_000)
        #expect(WindowSearch(exchanges: [], limits: []).worst(lengthMicros: 5) == nil)
    }
}

@Suite struct AdmissionJournalTests {
    @Test func entries_ofBothKinds_areRead() throws {
        var journal = AdmissionJournal()
        try journal.take(fields: ["kind": "exchange", "t": "200", "g": "7:0,9:1500"])
        try journal.take(
            fields: ["kind": "limits", "t": "100", "rate_milli": "120000", "burst": "40", "slots": "2000"])
        try journal.take(fields: ["kind": "opened", "t": "50"])
        try journal.take(fields: ["kind": "exchange", "t": "150", "g": "5:0"])
        journal.sort()
        #expect(journal.exchanges.map(\.number) == [5, 7, 9])
        #expect(journal.exchanges.map(\.doorWaitMicros) == [0, 0, 1_500])
        #expect(journal.limits == [.init(micros: 100, rateMilli: 120_000, burst: 40, slots: 2_000)])
    }

    @Test(
        arguments: [
            [:], ["kind": "exchange"], ["kind": "exchange", "t": "1"], ["kind": "exchange", "t": "x", "g": "1:1"],
            ["kind": "exchange", "t": "1", "g": "1"], ["kind": "exchange", "t": "1", "g": "1:2:3"],
            ["kind": "limits", "t": "1", "rate_milli": "5"],
        ] as [[String: String]]
    )
    func entry_thatMakesNoSense_isRefusedWithItsText(fields: [String: String]) {
        var journal = AdmissionJournal()
        #expect(throws: AdmissionJournal.Malformed.self) { try journal.take(fields: fields) }
        #expect(journal.exchanges.isEmpty && journal.limits.isEmpty)
    }
}
