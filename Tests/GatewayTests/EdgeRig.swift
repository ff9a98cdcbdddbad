import Admission
import Foundation
import HTTPWire
import Logging
import Primitives
import Settings
import SettingsFile
import SharedState
import TestKit
import Tokens
import Transport

@testable import Gateway

/// An edge without listeners, for what needs one around it. Made and used on the loop of the fixture.
final class EdgeRig {
    let edge: Edge
    private var handlers: [ScriptedHandler] = []

    /// `yaml` holds rooms, pools and routes.
    init(_ fixture: LoopFixture, yaml: String) throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-\(UUID().uuidString).yaml")
            .path
        try "listen: [{address: 127.0.0.1:0}]\n\(yaml)".write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        self.edge = Edge(
            loop: fixture.loop,
            loopCount: 1,
            store: MemoryRoomStore(loop: fixture.loop, rooms: MemoryRooms()),
            marks: RoomMarks(),
            settings: try SettingsFile.load(path),
            keys: [SigningKey(id: 1, secret: [UInt8](repeating: 7, count: 32))],
            connectionLimit: 100,
            seed: 1,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    /// A session that has just read `request`; its connection leads nowhere.
    func makeSession(_ request: String = "GET / HTTP/1.1\r\nHost: a\r\n\r\n") throws -> ClientSession {
        let handler = ScriptedHandler()
        self.handlers.append(handler)
        let connection = try Connection.connect(
            to: .unix(path: "/nonexistent/socket"),
            on: self.edge.loop,
            timeoutNanoseconds: Nanoseconds.perSecond,
            handler: handler
        )
        let session = ClientSession(edge: self.edge, connection: connection)
        var parser = RequestParser(limits: self.edge.requestLimits)
        let step = Array(request.utf8).withUnsafeBytes { parser.parse($0, into: &self.edge.requestHead) }
        precondition(step == .complete, "the test's own request is malformed")
        session.request.start(self.edge.requestHead, now: self.edge.loop.now)
        return session
    }
}
