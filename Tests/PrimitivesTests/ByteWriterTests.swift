import Primitives
import Testing

@Suite struct ByteWriterTests {
    /// What `fill` wrote into `capacity` bytes, and whether it overflowed. A guard zone shows writes past the end.
    private func written(capacity: Int, _ fill: (inout ByteWriter) -> Void) -> (text: String, overflowed: Bool) {
        let guardByte: UInt8 = 0xEE
        var memory = [UInt8](repeating: guardByte, count: capacity + 16)
        return memory.withUnsafeMutableBytes { bytes in
            var writer = ByteWriter(UnsafeMutableRawBufferPointer(rebasing: bytes[..<capacity]))
            fill(&writer)
            let isGuardWhole = bytes[capacity...].allSatisfy { $0 == guardByte }
            #expect(isGuardWhole, "the writer wrote past its end")
            return (String(decoding: writer.written, as: UTF8.self), writer.overflowed)
        }
    }

    @Test(arguments: [
        0, 1, 9, 10, 11, 99, 100, 999_999_999, 1_000_000_000, Int.max - 1, Int.max, -1, -9, -10, -100, Int.min + 1,
        Int.min,
    ])
    func appendDecimal_edges_agreesWithDescription(value: Int) {
        let result = self.written(capacity: 20) { $0.append(decimal: value) }
        #expect(result == ("\(value)", false))
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func appendDecimal_anyValue_agreesWithDescription(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        for _ in 0..<2_000 {
            let value = Int(truncatingIfNeeded: generator.next()) >> Int.random(in: 0..<64, using: &generator)
            let text = "\(value)"
            let exact = self.written(capacity: text.utf8.count) { $0.append(decimal: value) }
            #expect(exact == (text, false), "seed \(seed)")
            let short = self.written(capacity: text.utf8.count - 1) { $0.append(decimal: value) }
            #expect(short == ("", true), "seed \(seed) value \(value)")
        }
    }

    @Test func append_moreThanFits_writesNothingOfItNorOfWhatFollows() {
        let result = self.written(capacity: 8) {
            $0.append("12345")
            $0.append("6789")
            $0.append(byte: 0x21)
            $0.append(decimal: 7)
            $0.append("x" as String)
            $0.append([1, 2] as [UInt8])
        }
        #expect(result == ("12345", true))
    }

    @Test func append_exactlyWhatFits_doesNotOverflow() {
        let result = self.written(capacity: 8) {
            $0.append("1234")
            $0.append("" as StaticString)
            $0.append([] as [UInt8])
            $0.append("567" as String)
            $0.append(byte: UInt8(ascii: "8"))
        }
        #expect(result == ("12345678", false))
    }

    @Test func rewind_toEarlierCount_overwritesWhatCameAfter() {
        let result = self.written(capacity: 8) {
            $0.append("abcdef")
            $0.rewind(to: 2)
            $0.append("X")
        }
        #expect(result == ("abX", false))
    }
}
