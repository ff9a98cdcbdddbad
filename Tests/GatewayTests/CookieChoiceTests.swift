import Admission
import HTTPWire
import Primitives
import Rooms
import Testing
import Tokens

@testable import Gateway

extension GateScene {
    /// What the gate says of a request with these cookies.
    func check(_ gate: RoomGate, cookies: [(name: String, value: String)] = []) -> GateVerdict {
        let pairs = cookies.map { "\($0.name)=\($0.value)" }.joined(separator: "; ")
        let head = Array("GET / HTTP/1.1\r\nHost: x\r\n\(pairs.isEmpty ? "" : "Cookie: \(pairs)\r\n")\r\n".utf8)
        return head.withUnsafeBytes { bytes in
            gate.tools.reparse(bytes)
            return gate.check(RequestInHand(tools: gate.tools, bytes: bytes, isSecure: false))
        }
    }

    func text(_ token: AdmissionToken, of gate: RoomGate, claim: TokenClaim? = nil) -> String {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 128, alignment: 8)
        defer { bytes.deallocate() }
        var writer = ByteWriter(bytes)
        gate.tools.signer.append(token, claim: claim, to: &writer)
        return String(decoding: bytes.prefix(AdmissionToken.textBytes), as: UTF8.self)
    }
}

/// By which of several cookies of one name a visitor is known: pages of other hosts below the same domain can plant some.
@Suite struct CookieChoiceTests {
    private static let place = "sluice-place-sale"
    private static let pass = "sluice-pass-sale"

    private func scene() -> (GateScene, RoomGate) {
        let scene = GateScene(1, slots: 1)
        scene.run(forSeconds: 0.3)
        return (scene, scene.gates[0])
    }

    private func key(_ scene: GateScene, _ number: Int64) -> LineKey {
        LineKey(epoch: UInt32(scene.shared.known.epoch), number: number)
    }

    private func check(_ scene: GateScene, _ gate: RoomGate, _ cookies: [(name: String, value: String)]) -> GateVerdict
    {
        scene.world.run(on: scene.loops[0]) { scene.check(gate, cookies: cookies) }
    }

    /// As many forged tokens as the longest head can carry, each with a signature to be checked.
    private func forged(_ scene: GateScene, _ gate: RoomGate, _ token: AdmissionToken) -> [String] {
        let text = scene.text(token, of: gate)
        let flips: [Character] = ["A", "B", "C", "D", "E", "F", "G", "H"]
        return (0..<370).map { index in
            var text = Array(text)
            text[60] = flips[index % 8] == text[60] ? "I" : flips[index % 8]
            return String(text)
        }
    }

    /// Seen before: of several cookies with the name that `bind` gives only the first counted, so that a planted one made
    /// the visitor's own pass count as none.
    @Test func claims_several_thatOfThePassCounts_thenThatOfTheEarliestPlace() {
        let (scene, gate) = self.scene()
        let claims = ["planted", "own", "other"].map { TokenClaim(rule: 205, value: Array($0.utf8)) }
        let (planted, own, other) = (claims[0], claims[1], claims[2])
        func chosen(_ cookies: [(String, LineKey, TokenClaim)], _ claims: [TokenClaim], after: LineKey? = nil)
            -> TokenClaim?
        {
            scene.world.run(on: scene.loops[0]) {
                let pairs = cookies.map { name, key, claim in
                    let token =
                        name == Self.pass
                        ? gate.pass(key, expiresMicros: gate.nowMicros + 60_000_000) : gate.place(key)
                    return "\(name)=\(scene.text(token, of: gate, claim: claim))"
                }
                let head = Array("GET / HTTP/1.1\r\nHost: x\r\nCookie: \(pairs.joined(separator: "; "))\r\n\r\n".utf8)
                return head.withUnsafeBytes { bytes in
                    gate.tools.reparse(bytes)
                    let request = RequestInHand(tools: gate.tools, bytes: bytes, isSecure: false)
                    return gate.claim(among: claims, request, after: after)
                }
            }
        }
        let (early, late) = (self.key(scene, 3), self.key(scene, 9))
        let before = gate.counts
        #expect(chosen([(Self.pass, early, own)], claims) == own)
        #expect(chosen([(Self.place, early, planted), (Self.pass, late, own)], claims) == own)
        #expect(chosen([(Self.place, late, planted), (Self.place, early, other)], claims) == other)
        #expect(chosen([(Self.place, early, planted), (Self.place, late, own)], claims, after: early) == own)
        // Nothing is known of the visitor: what is given out is tied to the first.
        #expect(chosen([], claims) == planted)
        #expect(chosen([(Self.pass, early, own)], [planted]) == planted)
        #expect(chosen([(Self.pass, early, own)], []) == nil)
        #expect(gate.counts.tokensElsewhere == before.tokensElsewhere, "what is only looked at is not counted")
    }

    /// Seen before: eight forged ones before the visitor's own, and neither the place nor the pass was found.
    @Test func forgedOnes_asManyAsAHeadCarries_lockNobodyOut() {
        let (scene, gate) = self.scene()
        let key = self.key(scene, 7)
        let (place, pass) = scene.world.run(on: scene.loops[0]) {
            (gate.place(key), gate.pass(key, expiresMicros: gate.nowMicros + 60_000_000))
        }
        for (name, token) in [(Self.place, place), (Self.pass, pass)] {
            var cookies = self.forged(scene, gate, token).map { (name: name, value: $0) }
            let before = gate.counts.tokensForged
            cookies.append((name: name, value: scene.text(token, of: gate)))
            switch self.check(scene, gate, cookies) {
            case .inside(key, _) where token.kind == .pass: break
            case .mustWait(let position) where token.kind == .place: #expect(position.number == 7)
            case let verdict: Issue.record("\(name): \(verdict)")
            }
            #expect(gate.counts.tokensForged - before == 370)
        }
    }

    /// Seen before: the first place counted, so that a later one that somebody had planted took a visitor's turn.
    @Test func genuinePlaces_theEarliestCounts_wheneverItComes() {
        let (scene, gate) = self.scene()
        let texts = scene.world.run(on: scene.loops[0]) {
            [9, 5, 7].map { scene.text(gate.place(self.key(scene, $0)), of: gate) }
        }
        for order in [[0, 1, 2], [1, 0, 2], [2, 0, 1]] {
            let cookies = order.map { (name: Self.place, value: texts[$0]) }
            guard case .mustWait(let position) = self.check(scene, gate, cookies) else {
                Issue.record("not in line")
                continue
            }
            #expect(position.number == 5, "order \(order)")
        }
    }

    /// A pass that has ended, or was given back, does not hide one that is good.
    @Test func genuinePasses_oneThatStillCounts_isFound() {
        let (scene, gate) = self.scene()
        let cookies = scene.world.run(on: scene.loops[0]) {
            let now = gate.nowMicros
            scene.shared.release(self.key(scene, 3), untilMicros: now + 60_000_000)
            let passes = [
                gate.pass(self.key(scene, 2), expiresMicros: now - 1_000_000),
                gate.pass(self.key(scene, 3), expiresMicros: now + 50_000_000),
                gate.pass(self.key(scene, 4), expiresMicros: now + 50_000_000),
            ]
            return passes.map { (name: Self.pass, value: scene.text($0, of: gate)) }
        }
        guard case .inside(let key, _) = self.check(scene, gate, cookies) else {
            Issue.record("not inside")
            return
        }
        #expect(key.number == 4)
        #expect(gate.counts.tokensExpired == 1 && gate.counts.tokensRevoked == 1)
    }
}
