import Primitives
import Testing

@testable import HTTPWire

/// What a client of HTTP/2 may do, and what is too much.
@Suite struct FrameMeterTests {
    private static func at(_ seconds: Double) -> Instant { Instant(nanoseconds: UInt64(seconds * 1e9) + 1_000) }

    private static func frame(_ kind: UInt8, flags: UInt8 = 0, count: Int = 0) -> [UInt8] {
        [UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255), kind, flags, 0, 0, 0, 1]
            + [UInt8](repeating: 0xFF, count: count)
    }

    private static func meter() -> FrameMeter {
        var meter = FrameMeter(now: self.at(0))
        let preface = [UInt8](repeating: 0xFF, count: FrameMeter.prefaceBytes)
        #expect(self.take(preface, &meter) == nil)
        return meter
    }

    private static func take(_ bytes: [UInt8], _ meter: inout FrameMeter, at now: Instant = FrameMeterTests.at(0))
        -> FrameMeter.Excess?
    {
        bytes.withUnsafeBytes { meter.take($0, now: now) }
    }

    /// How many of such frames come through at once; at most `most`.
    private static func count(
        _ frame: [UInt8],
        _ meter: inout FrameMeter,
        at now: Instant = FrameMeterTests.at(0),
        most: Int = 20_000
    )
        -> Int
    {
        for count in 0..<most {
            // What ends a connection is not gone on with.
            var next = meter
            guard self.take(frame, &next, at: now) == nil else { return count }
            meter = next
        }
        return most
    }

    @Test(
        arguments: [
            (FrameMeterTests.frame(6, count: 8), 1_000), (FrameMeterTests.frame(2, count: 5), 1_000),
            (FrameMeterTests.frame(8, count: 4), 1_000), (FrameMeterTests.frame(0), 1_000),
            // Nothing but padding.
            (FrameMeterTests.frame(0, flags: 8, count: 256), 1_000), (FrameMeterTests.frame(0xA, count: 3), 1_000),
            (FrameMeterTests.frame(7, count: 8), 1_000),
            (FrameMeterTests.frame(4), 100), (FrameMeterTests.frame(3, count: 4), 200),
            // Heads of which nothing is served.
            (FrameMeterTests.frame(1, flags: 4, count: 20), 1_000),
            // The larger, the more: all of it is decoded.
            (FrameMeterTests.frame(1, flags: 4, count: 16_384), 1_000 / 17),
            // Ends without content, also of streams that are over.
            (FrameMeterTests.frame(0, flags: 1), 1_000), (FrameMeterTests.frame(0, flags: 9, count: 2), 1_000),
            (FrameMeterTests.frame(0, count: 1), 20_000),
        ] as [([UInt8], Int)]
    )
    func frames_ofOneKind_areBounded(frame: [UInt8], most: Int) {
        var meter = Self.meter()
        #expect(Self.count(frame, &meter) == most)
    }

    @Test func time_givesBack() {
        var meter = Self.meter()
        #expect(Self.count(Self.frame(3, count: 4), &meter) == FrameMeter.resetsAtOnce)
        let later = Self.at(2)
        #expect(Self.count(Self.frame(3, count: 4), &meter, at: later) == 2 * FrameMeter.resetsPerSecond)
        #expect(Self.count(Self.frame(3, count: 4), &meter, at: Self.at(10_000)) == FrameMeter.resetsAtOnce)
    }

    /// Whoever leaves a page with many pictures takes a hundred requests back each time.
    @Test func servedRequests_giveBack() {
        var meter = Self.meter()
        for number in 0..<2_000 {
            let now = Self.at(Double(number) / 100)
            #expect(Self.take(Self.frame(3, count: 4), &meter, at: now) == nil)
            meter.requestServed(byWorker: true, now: now)
        }
        // Not more than at once: who was served a thousand times may not take a thousand back.
        for number in 0..<1_000 { meter.requestServed(byWorker: true, now: Self.at(Double(20 + number))) }
        #expect(Self.count(Self.frame(3, count: 4), &meter, at: Self.at(1_020)) == FrameMeter.resetsAtOnce)
    }

    /// Requests that are taken back make work; answers that cost nothing, and come by the thousand, do not pay for it.
    @Test(arguments: [(false, FrameMeter.resetsAtOnce), (true, FrameMeter.resetsAtOnce + 200)])
    func resetsBetweenCheapAnswers_areBounded(byWorker: Bool, most: Int) {
        var meter = Self.meter()
        var count = 0
        while count < 5_000, Self.take(Self.frame(3, count: 4), &meter) == nil {
            count += 1
            meter.requestServed(byWorker: byWorker, now: Self.at(0))
        }
        #expect(count == most)
    }

    @Test func heads_ofServedRequests_areFine() {
        var meter = Self.meter()
        for _ in 0..<10_000 {
            #expect(Self.take(Self.frame(1, flags: 5, count: 20), &meter) == nil)
            meter.requestServed(byWorker: false, now: Self.at(0))
        }
    }

    @Test func windowUpdates_ofAFastDownload_areFine() {
        var meter = Self.meter()
        for _ in 0..<10_000 {
            meter.dataSent(bytes: 16_000, emptiedOutput: false)
            for _ in 0..<2 { #expect(Self.take(Self.frame(8, count: 4), &meter) == nil) }
        }
    }

    /// A window that is opened byte by byte costs a frame for each, and is worth nothing; what is short because there
    /// is no more is not the client's doing.
    @Test(arguments: [(511, false, 1_000), (512, false, 5_000), (1, true, 5_000)])
    func framesOfData_giveBack_whenTheyAreWorthIt(bytes: Int, emptiedOutput: Bool, most: Int) {
        var meter = Self.meter()
        var count = 0
        while count < 5_000, Self.take(Self.frame(8, count: 4), &meter) == nil {
            count += 1
            meter.dataSent(bytes: bytes, emptiedOutput: emptiedOutput)
        }
        #expect(count == most)
    }

    @Test func faultyRequests_countAsResets() {
        var meter = Self.meter()
        var count = 0
        while meter.requestWasFaulty(now: Self.at(0)) == nil { count += 1 }
        #expect(count == FrameMeter.resetsAtOnce)
        meter = Self.meter()
        count = 0
        while meter.headWasTooLarge(now: Self.at(0)) == nil { count += 1 }
        #expect(count == FrameMeter.resetsAtOnce / FrameMeter.largeHeadCost)
    }

    // MARK: Heads

    @Test func continuations_areBounded_byNumberAndBytes() {
        var meter = Self.meter()
        #expect(Self.take(Self.frame(1, count: 10), &meter) == nil)
        #expect(Self.count(Self.frame(9), &meter) == FrameMeter.continuationsMax)
        meter = Self.meter()
        #expect(Self.take(Self.frame(1, count: 16_384), &meter) == nil)
        for _ in 0..<3 { #expect(Self.take(Self.frame(9, count: 16_384), &meter) == nil) }
        #expect(Self.take(Self.frame(9, count: 1), &meter) == .continuations)
        // The next head begins from nothing.
        meter = Self.meter()
        for _ in 0..<50 {
            #expect(Self.take(Self.frame(1, count: 16_384) + Self.frame(9, flags: 4, count: 100), &meter) == nil)
        }
    }

    @Test func head_isWithin_untilItsLastByte() {
        var meter = Self.meter()
        let bytes = Self.frame(6, count: 8) + Self.frame(1, count: 3) + Self.frame(9, flags: 4, count: 2)
        let last = bytes.count - 1
        for (index, byte) in bytes.enumerated() {
            #expect(Self.take([byte], &meter) == nil)
            #expect(meter.isWithinHead == (index >= 17 + 4 && index < last), "\(index)")
            #expect(meter.isWithinFrame == ![16, 28, last].contains(index), "\(index)")
        }
    }

    /// The verdict depends on the bytes alone, not on the pieces.
    @Test(arguments: [1, 7, 0xBEEF] as [UInt64])
    func pieces_ofAnySize_areTheSame(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let kinds: [UInt8] = [0, 1, 2, 3, 4, 6, 8, 9]
        var bytes: [UInt8] = []
        for _ in 0..<400 {
            let kind = kinds[Int(random.next(upperBound: UInt64(kinds.count)))]
            bytes += Self.frame(
                kind,
                flags: UInt8(random.next(upperBound: 16 as UInt64)),
                count: Int(random.next(upperBound: 40 as UInt64))
            )
        }
        var whole = Self.meter()
        let verdict = Self.take(bytes, &whole)
        var pieces = Self.meter()
        var found: FrameMeter.Excess?
        var position = 0
        while position < bytes.count, found == nil {
            let step = min(bytes.count - position, 1 + Int(random.next(upperBound: 30 as UInt64)))
            found = Self.take(Array(bytes[position..<position + step]), &pieces)
            position += step
        }
        #expect(found == verdict, "seed \(seed)")
        if verdict == nil { #expect(pieces == whole) }
    }
}
