import Primitives
import Testing

@Suite struct InstantTests {
    @Test func advanced_pastTheEnds_saturates() {
        let early = Instant(nanoseconds: 5)
        #expect(early.advanced(byNanoseconds: -6) == Instant(nanoseconds: 0))
        #expect(early.advanced(byNanoseconds: .min) == Instant(nanoseconds: 0))
        #expect(Instant.distantFuture.advanced(byNanoseconds: 1) == .distantFuture)
        #expect(early.advanced(byNanoseconds: 7) == Instant(nanoseconds: 12))
    }

    @Test func nanosecondsSince_anyOrder_hasTheSignOfTheOrder() {
        let early = Instant(nanoseconds: 1_000)
        let late = Instant(nanoseconds: 4_000)
        #expect(late.nanoseconds(since: early) == 3_000)
        #expect(early.nanoseconds(since: late) == -3_000)
        #expect(early.nanoseconds(since: early) == 0)
    }

    /// Cut to 64 bits, "never" would lie in the past.
    @Test func nanosecondsSince_never_saturates() {
        let now = Instant(nanoseconds: 1_000)
        #expect(Instant.distantFuture.nanoseconds(since: now) == .max)
        #expect(now.nanoseconds(since: .distantFuture) == -.max)
    }
}

@Suite struct SplitMix64Tests {
    /// The published sequence for this seed.
    @Test func next_seed1234567_isThePublishedSequence() {
        var generator = SplitMix64(seed: 1_234_567)
        let expected: [UInt64] = [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ]
        #expect(expected.map { _ in generator.next() } == expected)
    }

    @Test func nextUnit_manyDraws_liesInTheUnitIntervalAroundOneHalf() {
        var generator = SplitMix64(seed: 99)
        let draws = (0..<20_000).map { _ in generator.nextUnit() }
        #expect(draws.allSatisfy { $0 >= 0 && $0 < 1 })
        #expect(abs(draws.reduce(0, +) / 20_000 - 0.5) < 0.01)
    }
}

@Suite struct FNV1aTests {
    @Test(
        arguments: [
            ("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8),
        ] as [(String, UInt64)]
    )
    func hash64_publishedVectors_agrees(text: String, hash: UInt64) {
        #expect(FNV1a.hash64(text.utf8) == hash)
    }
}

@Suite struct SmoothedTests {
    @Test func add_firstSample_isTakenWhole() {
        var average = Smoothed(weight: 0.25)
        #expect(average.value == nil)
        average.add(8)
        #expect(average.value == 8)
        average.add(0)
        #expect(average.value == 6)
    }

    @Test func add_constantSamples_convergesToThem() {
        var average = Smoothed(weight: 0.2, initial: 100)
        for _ in 0..<100 { average.add(3) }
        #expect(abs(average.value! - 3) < 1e-6)
    }
}
