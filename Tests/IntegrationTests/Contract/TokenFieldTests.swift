import Foundation
import Testing

/// Tokens with a right signature and one wrong field. Only somebody who knows a key can make them, or another version, or
/// a gateway of another time; each has its documented answer and is counted.
@Suite(.onOwnThread, .underSanitizersWhenLong) struct TokenFieldTests {
    enum Change: CaseIterable {
        case nothing, version, kind, otherKind, keyUnknown, keyOther, room, epochLongAgo, numberNought, numberTooHigh
        case endsBeforeItBegins, expired
    }

    /// The reason that is counted; nil when the token is good.
    private static func reason(_ change: Change) -> String? {
        switch change {
        case .nothing: nil
        case .version, .kind, .keyUnknown, .keyOther, .numberNought, .numberTooHigh, .endsBeforeItBegins: "forged"
        case .otherKind, .room: "foreign"
        case .epochLongAgo, .expired: "expired"
        }
    }

    private func change(_ token: inout TokenText, _ change: Change) {
        switch change {
        case .nothing, .keyOther: break
        case .version: token.bytes[0] = 9
        case .kind: token.bytes[1] = 7
        case .otherKind: token.bytes[1] ^= 3
        case .keyUnknown: token.bytes[2] = 200
        case .room: token.bytes[11] ^= 1
        case .epochLongAgo: token.bytes.replaceSubrange(12..<16, with: [0, 0, 0, 0])
        case .numberNought: token.bytes.replaceSubrange(16..<24, with: [0, 0, 0, 0, 0, 0, 0, 0])
        case .numberTooHigh: token.bytes.replaceSubrange(16..<24, with: [0, 0, 0, 1, 0, 0, 0, 0])
        case .endsBeforeItBegins: token.bytes.replaceSubrange(28..<32, with: [0, 0, 0, 1])
        case .expired:
            token.bytes.replaceSubrange(24..<28, with: [0, 0, 0, 1])
            token.bytes.replaceSubrange(28..<32, with: [0, 0, 0, 2])
        }
    }

    /// Signs the token anew, by another implementation than the one under test.
    private func sign(_ token: inout TokenText, _ scene: Scene, secret: String) throws {
        let file = "\(scene.folder)/payload"
        try Data(token.bytes[..<32]).write(to: URL(fileURLWithPath: file))
        let words = ["dgst", "-sha256", "-mac", "HMAC", "-macopt", "key:\(secret)", "-r", file]
        let digits = try scene.run("openssl", words).output.prefix(32)
        let mac = stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(digits.dropFirst($0).prefix(2), radix: 16)
        }
        guard mac.count == 16 else { throw Disappointment("openssl made no digest: \(digits)") }
        token.bytes.replaceSubrange(32..<48, with: mac)
    }

    @Test(arguments: ["pass", "place"]) func signed_oneFieldWrong_isCountedAndWorthNothing(kind: String) throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startForgetfulRedis(socket: socket)
            let room = ["slots": "1", "inflow": "1000/s", "burst": "10"]
            var configuration = try Contract.configuration(scene, socket: socket, room: room)
            let sluice = try Contract.start(scene, configuration)
            let (inside, waiting) = (Visitor(port: sluice.port), Visitor(port: sluice.port))
            try inside.get()
            // From now on nobody is called, so that whoever waits is "waiting" and never at the door.
            configuration.room?["inflow"] = "0/s"
            try scene.reload(sluice, with: configuration.text)
            try Patience.wait(for: "the rate to be in force") { try sluice.status().room?.rate_milli == 0 }
            try waiting.get()
            #expect(inside.isIn && waiting.number == 2)
            let name = "sluice-\(kind)-sale"
            let owner = kind == "pass" ? inside : waiting
            let genuine = try #require(owner.cookies[name].flatMap(TokenText.init))
            var next: Int64 = 3
            for change in Change.allCases {
                var token = genuine
                self.change(&token, change)
                let secret = change == .keyOther ? String(repeating: "o", count: 40) : Contract.secret
                try self.sign(&token, scene, secret: secret)
                let visitor = Visitor(port: sluice.port)
                visitor.setCookie(name, token.text)
                let before = try self.refused(sluice)
                try visitor.get()
                var expected = before
                if let reason = Self.reason(change) {
                    expected[reason, default: 0] += 1
                    #expect(visitor.state == "waiting" && visitor.number == next, "\(change): \(visitor.state)")
                    next += 1
                } else {
                    // A gateway may renew a pass that it sees for the first time.
                    #expect(visitor.state == owner.state && visitor.cookies.count == 1, "\(change)")
                    #expect(visitor.cookies[name].flatMap(TokenText.init)?.number == genuine.number)
                }
                #expect(try self.refused(sluice) == expected, "\(change)")
            }
        }
    }

    private func refused(_ sluice: SluiceProcess) throws -> [String: Double] {
        let metrics = try sluice.metrics()
        let reasons = ["forged", "foreign", "expired", "revoked"]
        return Dictionary(
            uniqueKeysWithValues: reasons.map {
                ($0, metrics["sluice_room_tokens_refused_total{room=\"sale\",reason=\"\($0)\"}"] ?? 0)
            }
        )
    }
}
