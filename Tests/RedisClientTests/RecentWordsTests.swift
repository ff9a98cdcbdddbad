import Primitives
import Testing

@testable import RedisClient

@Suite struct RecentWordsTests {
    /// Whatever came before, a string is what was received.
    @Test(arguments: [1, 2] as [UInt64])
    func bytes_anyStrings_areKeptAsTheyAre(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var words = RecentWords()
        for _ in 0..<20_000 {
            let length = Int.random(in: 0...30, using: &random)
            // Few letters, so that many collide.
            let bytes = (0..<length).map { _ in UInt8.random(in: 97...98, using: &random) }
            let kept = bytes.withUnsafeBytes { words.bytes($0) }
            #expect(kept == bytes)
        }
    }

    @Test func bytes_sameNameAgain_sharesItsMemory() {
        var words = RecentWords()
        let name = Array("incarnation".utf8)
        let copies = (0..<2).map { _ in name.withUnsafeBytes { words.bytes($0) } }
        let places = copies.map { $0.withUnsafeBufferPointer { $0.baseAddress } }
        #expect(places[0] == places[1])
    }
}
