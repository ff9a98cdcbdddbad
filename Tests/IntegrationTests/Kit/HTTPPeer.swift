import Glibc
import TestKit

/// An HTTP client of the tests' own on a blocking socket: shares no parser with what is tested.
final class HTTPPeer {
    let peer: RawPeer
    private var buffer: [UInt8] = []

    init(port: UInt16) throws { self.peer = try RawPeer(port: port) }

    init(_ peer: RawPeer) { self.peer = peer }

    /// Sends one request and reads its answer.
    @discardableResult
    func request(
        _ method: String,
        _ path: String,
        _ fields: [(String, String)] = [],
        body: [UInt8]? = nil
    ) throws -> Answer {
        try self.send(method, path, fields, body: body)
        return try self.readAnswer(to: method)
    }

    func send(_ method: String, _ path: String, _ fields: [(String, String)] = [], body: [UInt8]? = nil) throws {
        var head = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n"
        for (name, value) in fields { head += "\(name): \(value)\r\n" }
        if let body { head += "Content-Length: \(body.count)\r\n" }
        guard self.peer.send(Array((head + "\r\n").utf8) + (body ?? [])) else {
            throw Disappointment("the connection broke while \(method) \(path) was sent")
        }
    }

    /// The next answer on this connection.
    func readAnswer(to method: String = "GET") throws -> Answer {
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            guard let byte = try self.next() else {
                throw Disappointment("the connection ended within a head: '\(String(decoding: head, as: UTF8.self))'")
            }
            head.append(byte)
        }
        var answer = try Answer(head: String(decoding: head, as: UTF8.self))
        if answer.status / 100 == 1 {
            let interim = answer
            answer = try self.readAnswer(to: method)
            answer.interim.insert(interim, at: 0)
            return answer
        }
        guard method != "HEAD", ![204, 304].contains(answer.status) else { return answer }
        if answer.field("transfer-encoding")?.lowercased() == "chunked" {
            answer.body = try self.readChunks()
        } else if let length = answer.field("content-length") {
            guard let count = Int(length) else { throw Disappointment("Content-Length: \(length)") }
            answer.body = try self.read(count)
        } else {
            while let byte = try self.next() { answer.body.append(byte) }
        }
        return answer
    }

    private func readChunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let line = try self.readLine()
            guard let size = Int(line.prefix { $0 != ";" }, radix: 16) else {
                throw Disappointment("chunk size '\(line)'")
            }
            if size == 0 { break }
            body += try self.read(size)
            guard try self.readLine().isEmpty else { throw Disappointment("a chunk is longer than it says") }
        }
        while try !self.readLine().isEmpty {}
        return body
    }

    private func readLine() throws -> String {
        var line: [UInt8] = []
        while line.last != 0x0A {
            guard let byte = try self.next() else { throw Disappointment("the connection ended within a body") }
            line.append(byte)
        }
        return String(decoding: line.dropLast(2), as: UTF8.self)
    }

    private var position = 0

    private func next() throws -> UInt8? {
        if self.position == self.buffer.count { guard try self.fill() else { return nil } }
        self.position += 1
        return self.buffer[self.position - 1]
    }

    private func read(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            if self.position == self.buffer.count {
                guard try self.fill() else { throw Disappointment("\(bytes.count) of \(count) bytes, then the end") }
            }
            let step = min(count - bytes.count, self.buffer.count - self.position)
            bytes += self.buffer[self.position..<self.position + step]
            self.position += step
        }
        return bytes
    }

    /// False at the end of the stream.
    private func fill() throws -> Bool {
        self.buffer = [UInt8](repeating: 0, count: 65_536)
        self.position = 0
        let count = recv(self.peer.fd, &self.buffer, self.buffer.count, 0)
        let code = errno
        self.buffer.removeLast(self.buffer.count - max(0, count))
        guard count >= 0 else { throw Disappointment("reading failed: \(String(cString: strerror(code)))") }
        return count > 0
    }

    /// Whether the other side has ended the connection, properly or not. Waits for it.
    func isEnded() -> Bool {
        if self.position < self.buffer.count { return false }
        return (try? self.fill()) != true
    }

    /// Whether something can be read right now.
    var hasInput: Bool {
        var entry = pollfd(fd: self.peer.fd, events: Int16(POLLIN), revents: 0)
        return self.position < self.buffer.count || poll(&entry, 1, 0) == 1
    }
}
