import HTTPWire
import Primitives
import Testing

@Suite struct TraceParentTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let good = "00-\(trace)-00f067aa0ba902b7-01"

    private func parse(_ text: String) -> TraceParent? { Array(text.utf8).withUnsafeBytes { TraceParent(parsing: $0) } }

    @Test func parse_good_isWrittenAsItCame() throws {
        let parsed = try #require(self.parse(Self.good))
        #expect(parsed.parent == 0x00f0_67aa_0ba9_02b7 && parsed.flags == 1)
        #expect(written { parsed.append(to: &$0) } == Self.good)
        #expect(written { parsed.appendTrace(to: &$0) } == Self.trace)
    }

    /// A version to come may have more behind what is known, and flags whose meaning is not.
    @Test func parse_laterVersion_isReadAsFarAsItIsKnown() throws {
        let later = try #require(self.parse("cc" + Self.good.dropFirst(2).dropLast(2) + "ff-what-comes"))
        #expect(written { later.append(to: &$0) } == Self.good.dropLast(2) + "03")
        #expect(self.parse("cc" + Self.good.dropFirst(2)) != nil)
    }

    @Test(arguments: [
        "", "00", good + "-", good + "0", "ff" + good.dropFirst(2), "cc" + good.dropFirst(2) + "x",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-\(trace)-0000000000000000-01",
        good.uppercased(), "00-\(trace)_00f067aa0ba902b7-01", "00-\(trace)-00f067aa0ba902bg-01", " " + good.dropFirst(),
    ])
    func parse_malformed_isNil(text: String) { #expect(self.parse(text) == nil) }

    /// Hostile values: any change of one byte is either refused or read as something that is good by itself.
    @Test(arguments: [1, 2] as [UInt64])
    func parse_anyBytes_isRefusedOrGood(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<20_000 {
            var bytes = Array(Self.good.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0...bytes.count, using: &random)) }
            guard let parsed = bytes.withUnsafeBytes({ TraceParent(parsing: $0) }) else { continue }
            let text = written { parsed.append(to: &$0) }
            #expect(self.parse(text) == parsed)
        }
    }

    @Test(arguments: [1, 7, 42] as [UInt64])
    func hexadecimal_ofAnyValueAndLength_isAsTheLibraryWritesIt(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for digits in 1...16 {
            for value in [0, .max, 0x0123_4567_89AB_CDEF, 0x9A9A_A9A9_0F0F_F0F0, random.next()] as [UInt64] {
                let kept = digits == 16 ? value : value & (1 << UInt64(4 * digits) - 1)
                let plain = String(kept, radix: 16)
                var memory = [UInt8](repeating: 0, count: 16)
                let written = memory.withUnsafeMutableBytes { memory in
                    var writer = ByteWriter(memory)
                    writer.append(hexadecimal: value, digits: digits)
                    return String(decoding: writer.written, as: UTF8.self)
                }
                #expect(written == String(repeating: "0", count: digits - plain.count) + plain, "seed \(seed)")
            }
        }
    }
}
