import Foundation
import Testing
import TestKit

/// What peers do that the standard leaves open, or that proxies are to do: each decided, and listed in HTTPWire's
/// table of strictness.
@Suite(.onOwnThread) struct WireDecisionTests {
    private func play(_ script: @escaping RawWorker.Script, _ body: (SluiceProcess, RawWorker) throws -> Void) throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(script)
            var configuration = RequestTests.open()
            configuration.use([worker])
            try body(try scene.start(configuration), worker)
        }
    }

    /// Responds to each request with these bytes.
    private static func responding(_ text: String) -> RawWorker.Script {
        { connection in while try connection.readRequest() != nil { try connection.send(text) } }
    }

    private static let fine = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    private static func raw(_ sluice: SluiceProcess, _ request: String) throws -> Answer {
        let peer = try HTTPPeer(port: sluice.port)
        peer.peer.send(request)
        return try peer.readAnswer()
    }

    // MARK: Responses

    /// Seen before: swallowed.
    @Test func interim_ofTheWorker_isPassedOn() throws {
        let early = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n"
        try self.play(Self.responding("HTTP/1.1 102 Processing\r\n\r\n" + early + Self.fine)) { sluice, _ in
            let peer = try HTTPPeer(port: sluice.port)
            for _ in 0..<2 {
                let answer = try peer.request("GET", "/")
                #expect(answer.text == "ok")
                #expect(answer.interim.map(\.status) == [102, 103])
                let hint = try #require(answer.interim.last)
                #expect(hint.field("link") == "</a.css>; rel=preload")
                #expect(hint.field("x-hop") == nil && hint.field("content-length") == nil)
                #expect(hint.field("transfer-encoding") == nil)
            }
            // A client of HTTP/1.0 does not know them.
            let old = try HTTPPeer(port: sluice.port)
            old.peer.send("GET / HTTP/1.0\r\n\r\n")
            let answer = try old.readAnswer()
            #expect(answer.interim.isEmpty && answer.text == "ok")
        }
    }

    /// RFC 9110 section 8.6: a 204 has no Content-Length. Seen before: the worker's was passed on.
    @Test func noContent_withALength_losesIt() throws {
        try self.play(Self.responding("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nX-Kept: 1\r\n\r\n")) {
            sluice,
            _ in
            let peer = try HTTPPeer(port: sluice.port)
            for _ in 0..<2 {
                let answer = try peer.request("DELETE", "/x")
                #expect(answer.status == 204)
                #expect(answer.field("content-length") == nil && answer.field("transfer-encoding") == nil)
                #expect(answer.field("x-kept") == "1")
            }
        }
    }

    /// Seen before: passed on without one.
    @Test func date_missing_isAdded() throws {
        try self.play(Self.responding(Self.fine)) { sluice, _ in
            let dates = try HTTPPeer(port: sluice.port).request("GET", "/").values("date")
            #expect(dates.count == 1)
            #expect(dates.first?.hasSuffix(" GMT") == true)
        }
    }

    /// A guard: the worker's own stays, alone.
    @Test func date_ofTheWorker_isKept() throws {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT"
        try self.play(Self.responding("HTTP/1.1 200 OK\r\nDate: \(date)\r\nContent-Length: 0\r\n\r\n")) { sluice, _ in
            let answer = try HTTPPeer(port: sluice.port).request("GET", "/")
            #expect(answer.values("date") == [date])
        }
    }

    /// RFC 9110 section 7.6.3. Seen before: neither way.
    @Test func via_isAddedBothWays() throws {
        try self.play(Self.responding("HTTP/1.1 200 OK\r\nVia: 1.0 inner\r\nContent-Length: 0\r\n\r\n")) {
            sluice,
            worker in
            let peer = try HTTPPeer(port: sluice.port)
            let answer = try peer.request("GET", "/", [("Via", "1.0 fred, 1.1 outer")])
            #expect(answer.values("via").joined(separator: ", ") == "1.0 inner, 1.1 sluice")
            let lines = worker.receivedText.components(separatedBy: "\r\n").filter { $0.lowercased().hasPrefix("via:") }
            let values = lines.map { $0.dropFirst(4).trimmingCharacters(in: .whitespaces) }
            #expect(values.joined(separator: ", ") == "1.0 fred, 1.1 outer, 1.1 sluice")
        }
    }

    // MARK: Expect

    /// A worker that answers an expectation itself: with 100 for `/up`, with 417 for everything else.
    private static let expecting: RawWorker.Script = { connection in
        while let head = try connection.readHead() {
            guard head.lowercased().contains("expect: 100-continue") else {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nno expect")
                return
            }
            guard head.contains(" /up ") else {
                try connection.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno")
                return
            }
            try connection.send("HTTP/1.1 100 Continue\r\n\r\n")
            guard try connection.read(until: "whole body") else { return }
            try connection.send(fine)
        }
    }

    /// Seen before: the gateway said 100 before anybody had asked the worker, and the worker never saw the field.
    @Test func expect_workerRefuses_clientIsTold() throws {
        try self.play(Self.expecting) { sluice, worker in
            let peer = try HTTPPeer(port: sluice.port)
            peer.peer.send("POST /no HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n")
            let answer = try peer.readAnswer()
            #expect(answer.status == 417)
            #expect(answer.interim.isEmpty)
            #expect(worker.receivedText.lowercased().contains("\r\nexpect: 100-continue\r\n"))
        }
    }

    @Test func expect_workerAgrees_clientGetsItsWord() throws {
        try self.play(Self.expecting) { sluice, worker in
            let peer = try HTTPPeer(port: sluice.port)
            peer.peer.send("POST /up HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n")
            var head: [UInt8] = []
            while !head.suffix(4).elementsEqual("\r\n\r\n".utf8), let byte = peer.peer.read(count: 1) { head += byte }
            #expect(String(decoding: head, as: UTF8.self).hasPrefix("HTTP/1.1 100 "))
            #expect(worker.receivedText.lowercased().contains("\r\nexpect: 100-continue\r\n"))
            peer.peer.send("whole body")
            #expect(try peer.readAnswer().text == "ok")
        }
    }

    // MARK: Requests

    /// Not implemented is what a coding is that nobody knows; an order that hides the end of the body is a mistake. Seen
    /// before: 501.
    @Test func transferEncoding_chunkedNotLast_gets400() throws {
        try self.play(Self.responding(Self.fine)) { sluice, worker in
            for value in ["chunked, gzip", "chunked, identity", "chunked, chunked"] {
                let answer = try Self.raw(
                    sluice,
                    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \(value)\r\n\r\n0\r\n\r\n"
                )
                #expect(answer.status == 400, "\(value)")
            }
            #expect(worker.received.isEmpty)
        }
    }

    /// RFC 9112 section 2.2: old clients send an empty line behind a body. Two are taken, not any number.
    @Test func emptyLines_beforeARequest_twoAreTaken() throws {
        try self.play(Self.responding(Self.fine)) { sluice, _ in
            for count in 1...2 {
                let peer = try HTTPPeer(port: sluice.port)
                let lines = String(repeating: "\r\n", count: count)
                for _ in 0..<2 {
                    peer.peer.send("\(lines)GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try peer.readAnswer().status == 200, "\(count) empty lines")
                }
            }
            let many = String(repeating: "\r\n", count: 50)
            #expect(try Self.raw(sluice, "\(many)GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 400)
        }
    }

    /// RFC 9112 section 7.1.1: white space around an extension's parts is bad, and to be read.
    @Test(arguments: ["5 ;x=y", "5; x=y", "5;x =y", "5;x= y", "5 ; x = \"y\""])
    func chunkExtension_withWhiteSpace_isRead(line: String) throws {
        try Scene.play { scene in
            let sluice = try scene.start(RequestTests.open())
            let text =
                "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(line)\r\nhello\r\n0\r\n\r\n"
            #expect(try Self.raw(sluice, text).text == "hello", "\(line)")
        }
    }

    /// RFC 9110 section 8.6: the same length said again may be taken as one; the worker gets one.
    @Test(arguments: ["Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nContent-Length: 05\r\n"])
    func contentLength_repeated_isOne(fields: String) throws {
        try self.play(Self.responding(Self.fine)) { sluice, worker in
            let answer = try Self.raw(sluice, "POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\nhello")
            #expect(answer.status == 200)
            let lines = worker.receivedText.lowercased().components(separatedBy: "\r\n")
            #expect(lines.filter { $0.hasPrefix("content-length:") } == ["content-length: 5"])
        }
    }

    /// A guard: different ones are a way to smuggle, and a list of them is sent by nobody.
    @Test func contentLength_contradicting_gets400() throws {
        try self.play(Self.responding(Self.fine)) { sluice, worker in
            for fields in ["Content-Length: 5, 6\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n"] {
                let answer = try Self.raw(sluice, "POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\nhello")
                #expect(answer.status == 400, "\(fields)")
            }
            #expect(worker.received.isEmpty)
        }
    }
}
