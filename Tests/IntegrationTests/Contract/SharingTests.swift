import Testing
import TestKit

/// One pass in many browsers; what one visitor may have under way is `VisitorLimitTests`'.
@Suite(.onOwnThread, .underSanitizersWhenLong) struct SharingTests {
    private static let room = ["slots": "10", "inflow": "1000/s", "burst": "10"]

    /// A pass that is bound to the client's network. Seen before: it served whoever held it.
    @Test func onePass_boundToAnAddress_servesNoOtherNetwork() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startForgetfulRedis(socket: socket)
            var room = Self.room
            room["bind"] = "address/24/56"
            room["slots"] = "1"
            let configuration = try Contract.configuration(scene, socket: socket, room: room)
            let sluice = try Contract.start(scene, configuration)
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
