import TestKit
import Testing

/// How a stream of HTTP/2 ends when its client does not help.
@Suite(.onOwnThread) struct HTTP2EndTests {
    typealias Code = HTTP2Peer.Code

    /// The body fills the window, and the frame that ends it comes later: it waits for the client like any other.
    @Test func end_forWhichNoWindowOpens_isGivenUp() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                guard try connection.readRequest() != nil else { return }
                try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
                _ = try connection.read(until: "never")
            }
            let sluice = try scene.start(HTTP2Tests.configuration(worker, ["write_timeout": "300ms"]))
            let peer = try HTTP2Peer(port: sluice.port, settings: [(4, 5)])
            peer.opensWindows = false
            peer.request(1, "GET", "/")
            while peer.soFar(1).body.count < 5 { _ = try #require(try peer.readFrame()) }
            let serving = worker.connections.first { String(decoding: $0.received, as: UTF8.self).contains("GET / ") }
            try #require(serving).send("0\r\n\r\n")
            let answer = try peer.answer(1)
            #expect(answer.text == "hello" && !answer.isComplete && answer.reset == Code.cancel)
            try peer.synchronize()
            #expect(peer.goAways.isEmpty)
        }
    }

    /// The client closes its side within a request's body. What the worker has said already is not the whole response.
    @Test func response_toARequestThatWasCut_isReset_andOthersAreServed() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                guard let request = try connection.readHead() else { return }
                if request.contains("/cut ") {
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
                }
                _ = try connection.read(until: "never")
            }
            let sluice = try scene.start(HTTP2Tests.configuration(worker, ["buffered_body_bytes": "0B"]))
            let peer = try HTTP2Peer(port: sluice.port)
            peer.request(1, "GET", "/held")
            try sluice.waitUntilInFlight(1)
            peer.request(3, "POST", "/cut", endsStream: false)
            peer.data(3, Array("a".utf8))
            while peer.soFar(3).body.count < 4 { _ = try #require(try peer.readFrame()) }
            peer.peer.finishWriting()
            let cut = try peer.answer(3)
            #expect(cut.text == "half" && !cut.isComplete && cut.reset == Code.cancel)
            let serving = worker.connections.first { String(decoding: $0.received, as: UTF8.self).contains("/held ") }
            try #require(serving).send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            #expect(try peer.answer(1).text == "ok")
            #expect(try peer.readToEnd() == Code.noError)
        }
    }
}
