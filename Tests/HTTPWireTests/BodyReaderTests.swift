import HTTPWire
import Primitives
import Testing

@Suite struct BodyReaderTests {
    /// What a body came to: its payload and how many bytes it took, or why it failed.
    enum Verdict: Equatable {
        case complete(payload: [UInt8], wireBytes: Int)
        case more
        case failed(WireFailure.Reason)
    }

    static func reader(_ framing: BodyFraming, max: Int64 = 1_000) -> BodyReader {
        BodyReader(framing: framing, maxPayloadBytes: max, from: .client)
    }

    /// Feeds the pieces between `ends` to `next`.
    static func decode(_ bytes: [UInt8], _ framing: BodyFraming, max: Int64 = 1_000, ends: [Int]) -> Verdict {
        var reader = self.reader(framing, max: max)
        var payload: [UInt8] = []
        var offset = 0
        for end in ends {
            piece: while true {
                let step = withExactCopy(bytes[offset..<end]) { bytes -> (BodyPiece, [UInt8]) in
                    let piece = reader.next(bytes)
                    guard case .payload(let range) = piece else { return (piece, []) }
                    return (piece, Array(range.slice(of: bytes)))
                }
                switch step.0 {
                case .payload(let range):
                    payload += step.1
                    offset += range.end
                case .needMore:
                    offset = end
                    break piece
                case .end(let count):
                    #expect(reader.payloadBytes == Int64(payload.count))
                    return .complete(payload: payload, wireBytes: offset + count)
                case .failed(let failure): return .failed(failure.reason)
                }
            }
        }
        return .more
    }

    static func decode(_ text: String, _ framing: BodyFraming = .chunked, max: Int64 = 1_000) -> Verdict {
        self.decode(Array(text.utf8), framing, max: max, ends: [text.utf8.count])
    }

    @Test func next_wellFormedBodies_areDecoded() {
        #expect(Self.decode("0\r\n\r\nrest") == .complete(payload: [], wireBytes: 5))
        #expect(Self.decode("3\r\nabc\r\n0\r\n\r\n") == .complete(payload: Array("abc".utf8), wireBytes: 13))
        #expect(Self.decode("1;a=b;c\r\nx\r\n00\r\nT: v\r\nU:\r\n\r\n") == .complete(payload: [120], wireBytes: 28))
        // White space before an extension, and behind a size alone: servers have padded it.
        #expect(Self.decode("1 \t;a\r\nx\r\n0  \r\n\r\n") == .complete(payload: [120], wireBytes: 17))
        #expect(Self.decode("A\r\n0123456789\r\n0\r\n\r\n") == Self.decode("a\r\n0123456789\r\n0\r\n\r\n"))
        #expect(Self.decode("abcdef", .length(3)) == .complete(payload: Array("abc".utf8), wireBytes: 3))
        #expect(Self.decode("", .length(0)) == .complete(payload: [], wireBytes: 0))
        #expect(Self.decode("abc", .none) == .complete(payload: [], wireBytes: 0))
        #expect(Self.decode("abc", .untilClose) == .more)
        #expect(Self.decode("abc", .length(4)) == .more)
        #expect(Self.reader(.untilClose).endsWithConnection)
        #expect(!Self.reader(.chunked).endsWithConnection)
    }

    @Test(
        arguments: [
            ("\r\n", .chunkSizeInvalid), ("g\r\n", .chunkSizeInvalid), ("-1\r\n", .chunkSizeInvalid),
            ("+1\r\n", .chunkSizeInvalid), ("0x1\r\n", .chunkSizeInvalid), (" 1\r\n", .chunkSizeInvalid),
            ("1 a\r\n", .chunkSizeInvalid), ("1 1\r\n", .chunkSizeInvalid), ("1 \n", .chunkSizeInvalid),
            ("1_0\r\n", .chunkSizeInvalid),
            ("1\n", .chunkSizeInvalid), ("1\r\r\n", .bareCarriageReturn), ("1\rx", .bareCarriageReturn),
            ("1;a\nx", .chunkExtensionInvalid), ("1;a\u{0}\r\n", .chunkExtensionInvalid),
            ("1;a\rb\r\n", .bareCarriageReturn),
            ("00000000000000001\r\n", .chunkSizeInvalid), ("FFFFFFFFFFFFFFFF\r\n", .payloadTooLarge),
            ("8000000000000000\r\n", .payloadTooLarge), ("10000000000000000\r\n", .payloadTooLarge),
            ("1\r\nab\r\n", .chunkEndMissing), ("1\r\na\n0\r\n", .chunkEndMissing), ("1\r\na\rb", .chunkEndMissing),
            ("1\r\n\r\n\r\r", .chunkEndMissing), ("0\r\n\n", .trailerInvalid), ("0\r\n\r\r", .trailerInvalid),
            ("0\r\n x: y\r\n", .trailerInvalid), ("0\r\nx : y\r\n", .trailerInvalid), ("0\r\nx\r\n", .trailerInvalid),
            ("0\r\nx: y\n\r\n", .trailerInvalid), ("0\r\nx: \u{7F}\r\n", .trailerInvalid),
            ("0\r\n:\r\n", .trailerInvalid),
            ("0\r\nx: y\rz", .trailerInvalid),
        ] as [(String, WireFailure.Reason)]
    )
    func next_malformedChunks_areRefused(text: String, reason: WireFailure.Reason) {
        #expect(Self.decode(text) == .failed(reason))
        let bytes = Array(text.utf8)
        #expect(Self.decode(bytes, .chunked, max: .max, ends: Array(0...bytes.count)) != .more)
    }

    @Test func next_payloadAtAndAboveLimit_isJudged() {
        #expect(
            Self.decode("5\r\nabcde\r\n0\r\n\r\n", max: 5) == .complete(payload: Array("abcde".utf8), wireBytes: 15)
        )
        #expect(Self.decode("6\r\n", max: 5) == .failed(.payloadTooLarge))
        #expect(Self.decode("3\r\nabc\r\n3\r\n", max: 5) == .failed(.payloadTooLarge))
        #expect(Self.decode("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", max: 5) != .failed(.payloadTooLarge))
        #expect(Self.decode("", .length(6), max: 5) == .failed(.payloadTooLarge))
        #expect(Self.decode("abcdef", .untilClose, max: 5) == .failed(.payloadTooLarge))
        #expect(Self.decode("7FFFFFFFFFFFFFFF\r\na", max: .max) == .more)
        #expect(Self.decode("8000000000000000\r\n", max: .max) == .failed(.payloadTooLarge))
        #expect(Self.decode("7FFFFFFFFFFFFFFF\r\n", max: .max - 1) == .failed(.payloadTooLarge))
        #expect(Self.decode("0\r\n\r\n", max: 0) == .complete(payload: [], wireBytes: 5))
    }

    @Test func next_extensionsAndTrailersAboveLimit_areRefused() {
        let long = String(repeating: "e", count: 5_000)
        #expect(Self.decode("1;\(long)\r\n") == .failed(.chunkExtensionsTooLong))
        #expect(Self.decode("1\(String(repeating: " ", count: 5_000))\r\n") == .failed(.chunkExtensionsTooLong))
        let chunk = "1;\(String(repeating: "e", count: 100))\r\nx\r\n"
        #expect(Self.decode(String(repeating: chunk, count: 60)) == .failed(.chunkExtensionsTooLong))
        #expect(Self.decode("0\r\nT: \(long)\(long)\r\n") == .failed(.trailersTooLong))
        #expect(Self.decode("0\r\n" + String(repeating: "a: b\r\n", count: 2_000)) == .failed(.trailersTooLong))
    }

    @Test func next_afterTheEnd_saysSoAgain() {
        var reader = Self.reader(.chunked)
        let bytes = Array("0\r\n\r\n".utf8)
        bytes.withUnsafeBytes { bytes in
            #expect(reader.next(bytes) == .end(5))
            #expect(reader.next(UnsafeRawBufferPointer(rebasing: bytes[5...])) == .end(0))
        }
    }

    @Test func next_afterAFailure_failsAgain() {
        var reader = Self.reader(.chunked)
        let failed = BodyPiece.failed(WireFailure(.chunkSizeInvalid, from: .client))
        for text in ["x", "0\r\n\r\n"] { Array(text.utf8).withUnsafeBytes { #expect(reader.next($0) == failed) } }
    }

    static let bodies = [
        "0\r\n\r\nrest", "3\r\nabc\r\n0\r\n\r\n", "1;a=\"b\"\r\nx\r\n10\r\n0123456789abcdef\r\n0\r\nT: v\r\n\r\nGET /",
        "ffff\r\n", "5\r\nab\r\nc\r\n0\r\n\r\n",
    ]

    @Test(arguments: [1, 7, 0xBEEF] as [UInt64])
    func next_mutatedBodyInPieces_judgesAsWhole(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<4_000 {
            let text = Self.bodies.randomElement(using: &random)!
            let bytes = HeadPropertyTests.mutated(text, using: &random)
            let framing: BodyFraming = Int.random(in: 0..<8, using: &random) == 0 ? .length(12) : .chunked
            let max = Int64.random(in: 0...40, using: &random)
            let whole = Self.decode(bytes, framing, max: max, ends: [bytes.count])
            let ends = randomEnds(bytes.count, using: &random)
            let note: Comment = "seed \(seed), ends \(ends), max \(max), bytes \(bytes)"
            #expect(Self.decode(bytes, framing, max: max, ends: ends) == whole, note)
            #expect(Self.decode(bytes, framing, max: max, ends: Array(0...bytes.count)) == whole, note)
        }
    }

    /// Any payload, in any chunks, comes out as it went in.
    @Test(arguments: [4, 10, 0xD1CE] as [UInt64])
    func next_randomChunks_giveThePayloadBack(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<300 {
            var payload: [UInt8] = []
            var wire: [UInt8] = []
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                let chunk = (0..<Int.random(in: 1...300, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                payload += chunk
                wire += Array("\(String(chunk.count, radix: 16, uppercase: Bool.random(using: &random)))\r\n".utf8)
                wire += chunk + [13, 10]
            }
            wire += Array("0\r\n\r\n".utf8)
            let verdict = Self.decode(
                wire + [1, 2, 3],
                .chunked,
                max: 2_000,
                ends: randomEnds(wire.count + 3, using: &random)
            )
            #expect(verdict == .complete(payload: payload, wireBytes: wire.count), "seed \(seed)")
        }
    }
}
