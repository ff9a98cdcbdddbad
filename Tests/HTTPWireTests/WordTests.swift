import Primitives
import Testing

@testable import HTTPWire

@Suite struct WordTests {
    /// The lowest mark of each test against a look at every byte.
    @Test(arguments: [1, 7, 0xBEEF] as [UInt64])
    func firstIndex_randomWords_isThatOfALoop(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let edges: [UInt8] = [
            0, 1, 9, 0x1F, 0x20, 0x21, 0x22, 0x23, 0x24, 0x2E, 0x39, 0x3A, 0x3B, 0x7E, 0x7F, 0x80, 0xFF,
        ]
        for _ in 0..<10_000 {
            let bytes = (0..<8).map { _ in
                Bool.random(using: &random)
                    ? edges.randomElement(using: &random)! : UInt8.random(in: 0x20...0x7F, using: &random)
            }
            let word = bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
            let note: Comment = "seed \(seed), bytes \(bytes)"
            func first(_ matches: (UInt8) -> Bool) -> Int { bytes.firstIndex(where: matches) ?? 8 }
            #expect(Word.firstIndex(Word.controls(word)) == first { $0 < 0x20 || $0 == 0x7F }, note)
            #expect(Word.firstIndex(Word.targetStops(word)) == first { $0 < 0x21 || $0 >= 0x7F || $0 == 0x23 }, note)
            #expect(Word.firstIndex(Word.zeros(word ^ Word.repeating(0x3A))) == first { $0 == 0x3A }, note)
        }
    }

    @Test func isPlain_everyByteAtEveryPlace_isThatOfTheClass() {
        for byte in UInt8(0)...255 {
            for place in UInt64(0)..<8 {
                let word = Word.repeating(0x61) & ~(0xFF << (place * 8)) | UInt64(byte) << (place * 8)
                let isAlphanumeric =
                    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                #expect(
                    Word.isPlain(Word.folded(word), or: 0x2D, 0x2E) == (isAlphanumeric || byte == 0x2D || byte == 0x2E)
                )
                #expect(Word.isPlain(Word.folded(word), or: 0x2D, 0x2D) == (isAlphanumeric || byte == 0x2D))
            }
        }
    }

    @Test func word_nearTheEnd_isFilledWithZeros() {
        for count in 1...20 {
            withExactCopy((1...UInt8(count)).map { $0 }[...]) { bytes in
                let window = Window(bytes)
                for offset in 0...(count + 2) {
                    var expected: UInt64 = 0
                    for index in 0..<8 where offset + index < count {
                        expected |= UInt64(bytes[offset + index]) << UInt64(index * 8)
                    }
                    #expect(window.word(at: offset) == expected)
                }
            }
        }
    }

    @Test func firstIndex_everyPlace_isFound() {
        for count in 0...20 {
            for place in 0...count {
                var bytes = [UInt8](repeating: 0x61, count: 24)
                bytes[place] = 0x3A
                withExactCopy(bytes[...]) { bytes in
                    #expect(Window(bytes).firstIndex(of: 0x3A, from: 0, to: count) == min(place, count))
                }
            }
        }
    }
}
