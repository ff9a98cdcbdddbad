import EventLoop
import Transport

/// A server that a test makes up: it answers each command with what `answer` returns, as RESP. Belongs to the loop.
final class FakeRedis {
    typealias Answer = (_ words: [String], _ times: Int) -> String

    private var listener: Listener?
    private let answer: Answer
    /// By the first two words: how often that was asked.
    private(set) var heard: [String: Int] = [:]
    /// Connections end with the next command, and new ones at once.
    var hangsUp = false

    init(loop: EventLoop, answer: @escaping Answer) throws {
        self.answer = answer
        self.listener = try Listener(loop: loop, address: .loopback(port: 0)) { [weak self] _ in
            self.flatMap { $0.hangsUp ? nil : Peer($0) }
        }
    }

    var port: UInt16 { self.listener?.boundAddress.port ?? 0 }

    func close() {
        self.listener?.close()
        self.listener = nil
    }

    static func bulk(_ text: String) -> String { "$\(text.utf8.count)\r\n\(text)\r\n" }
    static func list(_ parts: [String]) -> String { "*\(parts.count)\r\n" + parts.joined() }

    private func take(_ words: [String]) -> String {
        let name = words.prefix(2).joined(separator: " ")
        self.heard[name, default: 0] += 1
        return self.answer(words, self.heard[name]!)
    }

    private final class Peer: StreamHandler {
        private let server: FakeRedis

        init(_ server: FakeRedis) { self.server = server }

        func received(_ stream: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
            var used = 0
            while let (words, end) = Self.command(bytes, from: used) {
                used = end
                guard !self.server.hangsUp else {
                    stream.close()
                    return bytes.count
                }
                stream.write(self.server.take(words))
            }
            return used
        }

        /// The words of one command, and where it ends; nil while it is not all there.
        private static func command(_ bytes: UnsafeRawBufferPointer, from start: Int) -> ([String], Int)? {
            guard var (count, index) = self.number(bytes, from: start) else { return nil }
            var words: [String] = []
            while count > 0 {
                guard let (length, begin) = self.number(bytes, from: index), begin + length + 2 <= bytes.count else {
                    return nil
                }
                words.append(String(decoding: bytes[begin..<begin + length], as: UTF8.self))
                index = begin + length + 2
                count -= 1
            }
            return (words, index)
        }

        /// `*3` or `$5`, and what follows its line.
        private static func number(_ bytes: UnsafeRawBufferPointer, from start: Int) -> (Int, Int)? {
            guard start < bytes.count, let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
            return Int(String(decoding: bytes[start + 1..<end - 1], as: UTF8.self)).map { ($0, end + 1) }
        }
    }
}
