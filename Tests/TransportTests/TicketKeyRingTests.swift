import Primitives
import Testing

@testable import Transport

@Suite struct TicketKeyRingTests {
    private static let period: Int64 = 1_000

    private static func key(_ fromMicros: Int64, _ untilMicros: Int64) -> TicketKey {
        .random(fromMicros: fromMicros, untilMicros: untilMicros)
    }

    private static func renew(_ ring: inout TicketKeyRing, at now: Int64, period: Int64 = Self.period) -> Bool {
        guard let renewed = ring.renewed(atMicros: now, periodMicros: period, makeKey: Self.key) else { return false }
        ring = renewed
        return true
    }

    private static func times(_ ring: TicketKeyRing) -> [Int64] { ring.keys.map(\.fromMicros) }

    @Test func ring_overAKeysLife_publishesTheNextEarlyAndAcceptsTwoPeriodsLonger() throws {
        var ring = TicketKeyRing()
        #expect(Self.renew(&ring, at: 10_000))
        #expect(Self.times(ring) == [10_000])
        #expect(!Self.renew(&ring, at: 10_499), "half of its period has not passed")
        #expect(Self.renew(&ring, at: 10_500))
        #expect(Self.times(ring) == [10_000, 11_000])
        let first = ring.keys[0]
        #expect(ring.sealing(atMicros: 10_999) == first)
        #expect(ring.accepted(atMicros: 10_999).count == 2, "the next one is accepted before it seals")
        #expect(ring.sealing(atMicros: 11_000) == ring.keys[1])
        #expect(Self.renew(&ring, at: 11_500) && Self.renew(&ring, at: 12_500))
        #expect(ring.accepted(atMicros: 12_999).contains(first))
        #expect(!ring.accepted(atMicros: 13_000).contains(first))
        #expect(Self.renew(&ring, at: 13_000), "what nobody needs is forgotten")
        #expect(!ring.keys.contains(first))
    }

    @Test func ring_clockSetBackFar_beginsAnew() {
        var ring = TicketKeyRing()
        #expect(Self.renew(&ring, at: 1_000_000))
        #expect(Self.renew(&ring, at: 5_000))
        #expect(Self.times(ring) == [5_000])
        #expect(ring.sealing(atMicros: 5_000) != nil)
    }

    /// Each step makes a key that begins before all the others: the one that seals must not be the one that is dropped.
    @Test func ring_clockSetBackAgainAndAgain_keepsAKeyThatSeals() {
        var ring = TicketKeyRing()
        for step in 0..<(3 * TicketKeyRing.maxKeys) {
            let now = Int64(10_000 - step)
            _ = Self.renew(&ring, at: now)
            #expect(ring.sealing(atMicros: now) != nil && ring.keys.count <= TicketKeyRing.maxKeys)
        }
    }

    /// Gateways that look at least as often as four times a period, at odd moments, and of which one renews: whichever
    /// key one of them seals with, all the others have had it before.
    @Test(arguments: [1, 7, 0xBEEF] as [UInt64])
    func ring_sharedByManyReaders_noneMeetsAnUnknownKey(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var stored = TicketKeyRing()
        var now: Int64 = 50_000
        #expect(Self.renew(&stored, at: now))
        var known = [TicketKeyRing](repeating: stored, count: 5)
        var readAt = [Int64](repeating: now, count: 5)
        for _ in 0..<20_000 {
            now += Int64.random(in: 0...20, using: &random)
            for place in known.indices where now - readAt[place] > 200 || Int.random(in: 0...9, using: &random) == 0 {
                _ = Self.renew(&stored, at: now)
                known[place] = stored
                readAt[place] = now
            }
            #expect(stored.keys.count <= 4)
            let sealing = try #require(known.randomElement(using: &random)?.sealing(atMicros: now))
            for ring in known { #expect(ring.accepted(atMicros: now).contains(sealing), "seed \(seed), at \(now)") }
        }
    }

    /// Whatever the clock and the periods do, there is a key that seals, the ring is bounded, and its bytes are read back.
    @Test(arguments: [3, 11, 0xF00D] as [UInt64])
    func ring_anyTimesAndPeriods_sealsAndIsBounded(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var ring = TicketKeyRing()
        for _ in 0..<2_000 {
            let now = Int64.random(in: 0...100_000, using: &random)
            _ = Self.renew(&ring, at: now, period: .random(in: 1...20_000, using: &random))
            #expect(ring.sealing(atMicros: now) != nil, "seed \(seed), at \(now)")
            #expect(ring.keys.count <= TicketKeyRing.maxKeys)
            #expect(ring.keys.map(\.fromMicros) == ring.keys.map(\.fromMicros).sorted())
            #expect(TicketKeyRing(encoded: ring.encoded) == ring)
        }
    }

    @Test func bytes_damaged_areRefused() {
        var ring = TicketKeyRing()
        #expect(Self.renew(&ring, at: 1_000))
        let bytes = ring.encoded.bytes
        #expect(TicketKeyRing(encoded: Secret([])) == nil)
        #expect(TicketKeyRing(encoded: Secret([2] + bytes.dropFirst())) == nil, "another version")
        #expect(TicketKeyRing(encoded: Secret(Array(bytes.dropLast()))) == nil)
        let endsFirst = Secret(bytes.dropLast(8) + [0, 0, 0, 0, 0, 0, 0, 1])
        #expect(TicketKeyRing(encoded: endsFirst) == nil, "it ends before it begins")
    }
}
