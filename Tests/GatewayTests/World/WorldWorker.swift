import EventLoop
import HTTPWire
import Primitives
import TestKit
import Transport

/// A worker of the virtual world: reads requests, checks that they are whole, and responds in all ways that workers do.
final class WorldWorker: StreamHandler {
    private let loop: VirtualLoop
    private var stream: (any ByteStream)?
    private var wire = HTTP1Server(limits: HeadLimits(), maxBodyBytes: .max)
    private var head = RequestHead()
    private var bodyBytes = 0
    private var path = ""
    private var isAnswering = false
    /// What it saw that no gateway may send.
    private let complain: (String) -> Void

    init(loop: VirtualLoop, stream: any ByteStream, complain: @escaping (String) -> Void) {
        self.loop = loop
        self.stream = stream
        self.complain = complain
    }

    private var world: VirtualWorld { self.loop.world }

    func received(_ stream: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        var used = 0
        while self.stream != nil {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            let (input, count) = self.wire.read(rest, into: &self.head)
            used += count
            switch input {
            case .needMore: return self.stream == nil ? bytes.count : used
            case .head: self.headCame(rest)
            case .payload(let range): self.bodyBytes += Int(range.count)
            case .end: self.requestEnded()
            case .failed(let failure):
                self.complain("a worker cannot read what the gateway sent: \(failure)")
                stream.reset()
            }
        }
        return bytes.count
    }

    private func headCame(_ bytes: UnsafeRawBufferPointer) {
        self.path = String(decoding: self.head.pathRange.slice(of: bytes), as: UTF8.self)
        self.bodyBytes = 0
        if self.head.expectsContinue, self.world.oneIn(2) { self.stream?.write("HTTP/1.1 100 Continue\r\n\r\n") }
        // Some respond before they have the body.
        if !self.wire.isRequestComplete, self.world.oneIn(6) { self.answer() }
    }

    private func requestEnded() {
        // The rest of a body whose response was given early is thrown away uncounted.
        guard self.wire.owesResponse else { return }
        // `/size-N` says how long its body is to be.
        if let size = self.path.split(separator: "-").last.flatMap({ Int($0) }), size != self.bodyBytes {
            self.complain("a body of \(size) bytes came as one of \(self.bodyBytes)")
        }
        if !self.isAnswering { self.answer() }
    }

    /// Late, as workers are.
    private func answer() {
        self.isAnswering = true
        self.loop.after(nanoseconds: Int64(self.world.random(0...200_000_000))) { self.respond() }
    }

    private func respond() {
        guard let stream = self.stream else { return }
        let body = String(repeating: "r", count: self.world.random(0...self.world.pick([10, 3_000, 400_000])!))
        var head = "HTTP/1.1 \(self.world.pick(["200 OK", "200 OK", "404 Not Found", "500 Oh"])!)\r\n"
        if self.world.oneIn(8) { stream.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n") }
        switch self.world.random(1...14) {
        case 1: return stream.reset()
        case 2: return stream.close()
        case 3: return stream.write("HTTP/1.1 2x0 nonsense\r\n\r\n")
        case 4: return  // Never says anything.
        case 5:
            stream.write(head + "Content-Length: 100000\r\n\r\npart")
            return self.world.oneIn(2) ? stream.reset() : ()
        case 6:
            // Until the end of the connection.
            stream.write(head + "\r\n" + body)
            return stream.closeAfterWriting()
        case 7, 8:
            stream.write(head + "Transfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<self.world.random(0...5) { stream.write("5;x=y\r\nhello\r\n") }
            stream.write("0\r\nX-Trailer: 1\r\n\r\n")
        default:
            if self.world.oneIn(10) { head += "Sluice-Session: release\r\n" }
            stream.write(head + "Content-Length: \(body.utf8.count)\r\n\r\n" + body)
        }
        self.finish()
    }

    private func finish() {
        self.isAnswering = false
        guard self.wire.owesResponse else { return }
        _ = self.wire.beginResponse(.length(0), staysOpen: true)
        switch self.wire.endResponse() {
        case .close: self.stream?.closeAfterWriting()
        case .readOn, .discardRequest:
            // Some close without saying so.
            if self.world.oneIn(12) { self.stream?.close() } else { self.stream?.offerRetained() }
        }
    }

    func inputEnded(_ stream: any ByteStream) { stream.close() }
    func closed(_ stream: any ByteStream, _ reason: CloseReason) { self.stream = nil }
}
