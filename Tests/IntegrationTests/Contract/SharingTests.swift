import Testing
import TestKit

/// One pass in many browsers.
@Suite(.onOwnThread) struct SharingTests {
    private static let room = ["slots": "10", "inflow": "1000/s", "burst": "10"]

    /// Requests of one pass that are under way at once. Seen before: all of them reached the worker, through one slot.
    @Test func onePass_fiftyBrowsersAtOnce_limitHolds() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startForgetfulRedis(socket: socket)
            var room = Self.room
            room["per_visitor"] = "{requests: 4}"
            var configuration = try Contract.configuration(scene, socket: socket, room: room)
            // Answers nobody who asks for /slow.
            let worker = try scene.startWorker { connection in
                while let head = try connection.readHead() {
                    if head.contains("/slow") { break }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
                try connection.readToEnd()
            }
            configuration.use([worker])
            let sluice = try Contract.start(scene, configuration)
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            #expect(visitor.isIn)
            let browsers = try (0..<50).map { _ in HTTPPeer(try visitor.askFromElsewhere(sluice.port, "/slow")) }
            try Patience.wait(for: "46 to be told: \(browsers.filter(\.hasInput).count)") {
                browsers.filter(\.hasInput).count >= 46
            }
            #expect(try sluice.load().inFlight == 4)
            for browser in browsers where browser.hasInput {
                let answer = try browser.readAnswer()
                #expect(answer.status == 429 && answer.field("retry-after") != nil)
            }
            // Others are not concerned.
            let other = Visitor(port: sluice.port)
            try other.get()
            #expect(other.isIn)
            // And what has ended makes room.
            for browser in browsers { browser.peer.breakOff() }
            try Patience.wait(for: "the visitor to be served again") { try visitor.copy().get().status == 200 }
        }
    }

    /// A pass that is bound serves one person. Seen before: whoever held it.
    @Test func onePass_boundToAnIdentity_servesNobodyElse() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startForgetfulRedis(socket: socket)
            var room = Self.room
            room["bind"] = "cookie/account"
            room["slots"] = "1"
            let sluice = try Contract.start(scene, Contract.configuration(scene, socket: socket, room: room))
            let visitor = Visitor(port: sluice.port)
            visitor.setCookie("account", "ada")
            try visitor.get()
            #expect(visitor.isIn)
            for (account, isGood) in [("ada", true), ("bob", false), (nil, false)] {
                let browser = visitor.copy()
                browser.setCookie("account", account)
                try browser.get()
                #expect(browser.isIn == isGood, "account \(account ?? "none")")
                #expect(isGood || browser.number != visitor.number, "a place of its own")
            }
            #expect(try sluice.metric("sluice_room_tokens_refused_total{room=\"sale\",reason=\"elsewhere\"}") >= 2)
        }
    }

    /// The same by the client's network.
    @Test func onePass_boundToAnAddress_servesNoOtherNetwork() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startForgetfulRedis(socket: socket)
            var room = Self.room
            room["bind"] = "address/24/56"
            room["slots"] = "1"
            let sluice = try Contract.start(scene, Contract.configuration(scene, socket: socket, room: room))
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            #expect(visitor.isIn)
            for (address, isGood) in [("127.0.0.9", true), ("127.0.7.1", false)] {
                let peer = HTTPPeer(try RawPeer(port: sluice.port, from: address))
                peer.peer.send(visitor.requestText())
                let answer = try peer.readAnswer()
                #expect((answer.field("sluice-state") == "admitted") == isGood, "from \(address)")
            }
        }
    }
}
