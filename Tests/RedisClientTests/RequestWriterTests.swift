import CHiredis
import Glibc
import Primitives
import Testing

@testable import RedisClient

/// The bytes of commands, held against hiredis's formatter.
@Suite struct RequestWriterTests {
    /// What hiredis makes of the same words.
    private func reference(_ words: [[UInt8]]) -> [UInt8] {
        var pointers: [UnsafePointer<CChar>?] = words.map { word in
            let copy = malloc(max(1, word.count))!
            word.withUnsafeBytes { if let base = $0.baseAddress { memcpy(copy, base, word.count) } }
            return UnsafePointer(copy.assumingMemoryBound(to: CChar.self))
        }
        defer { for pointer in pointers { free(UnsafeMutablePointer(mutating: pointer)) } }
        var command: UnsafeMutablePointer<CChar>?
        let count = redisFormatCommandArgv(&command, Int32(words.count), &pointers, words.map(\.count))
        defer { redisFreeCommand(command) }
        return Array(UnsafeRawBufferPointer(start: command, count: Int(count)))
    }

    @Test func append_mixedWords_isRESP() {
        let writer = RequestWriter(serverRun: 77)
        var output: [UInt8] = []
        writer.append(.words(["SET", .bytes([0x00, 0x0A]), .text(""), 42, .serverRun]), to: &output)
        writer.append(.words(["PING"]), to: &output)
        let expected =
            "*5\r\n$3\r\nSET\r\n$2\r\n\u{0}\n\r\n$0\r\n\r\n$2\r\n42\r\n$2\r\n77\r\n*1\r\n$4\r\nPING\r\n"
        #expect(output == Array(expected.utf8))
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func append_anyWords_isWhatHiredisWrites(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let edges: [Int64] = [0, 9, 10, 99, 100, -1, -10, .max, .min, 1 << 48]
        for _ in 0..<500 {
            let run = Int64.random(in: 0..<1 << 48, using: &random)
            var plain: [[UInt8]] = []
            let words: [RedisArgument] = (0..<Int.random(in: 1...12, using: &random)).map { _ in
                let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                let text = String(decoding: bytes, as: UTF8.self)
                let number = edges.randomElement(using: &random)!
                let all: [(RedisArgument, [UInt8])] = [
                    (.bytes(bytes), bytes), (.text(text), Array(text.utf8)),
                    (.integer(number), Array(String(number).utf8)), (.serverRun, Array(String(run).utf8)),
                ]
                let (word, written) = all.randomElement(using: &random)!
                plain.append(written)
                return word
            }
            var output: [UInt8] = [7]
            RequestWriter(serverRun: run).append(.words(words), to: &output)
            #expect(output == [7] + self.reference(plain), "seed \(seed)")
        }
    }

    @Test func append_script_isACallByItsDigest() {
        let script = RedisScript(name: "s", source: [])
        let digest = "0123456789abcdef0123456789abcdef01234567"
        var (texts, words): ([UInt8], [UInt8]) = ([], [])
        let writer = RequestWriter(serverRun: 5)
        writer.append(.script(script, digest: digest, keys: ["a", "b"], arguments: .texts(["x", "5"])), to: &texts)
        writer.append(
            .script(script, digest: digest, keys: ["a", "b"], arguments: .words(["x", .serverRun])),
            to: &words
        )
        #expect(texts == words)
        #expect(texts == self.reference(["EVALSHA", digest, "2", "a", "b", "x", "5"].map { Array($0.utf8) }))
    }
}
