import Admission
import Rooms
import Tokens

/// By which of its cookies a visitor is known.
///
/// A page of another host below the same domain can plant cookies of the same name, before the visitor's own or after
/// them; what is no genuine token of this room that still counts is treated as none, and counted. All of them are looked
/// at, so that no number of planted ones locks anybody out. Their number is bounded by `head_bytes`: 200 tokens fit into
/// a head of 16 KiB, 400 into the longest that can be allowed. To check the signature of one takes 0.3 microseconds, so
/// that a head full of them costs 0.06 to 0.12 ms, and up to nine times as much where it holds genuine tokens that are
/// tied to somebody else and eight cookies of the bind's name; what has not the length of a token costs a comparison.
extension RoomGate {
    /// Of several claims that a request makes, the one that its tokens are tied to: first that of a good pass, then that of
    /// the earliest place; the first claim when there is neither. So a cookie that somebody has planted under the name of
    /// `bind` locks nobody out, and what is made anew is tied to what it was tied to. Nil: no claim is made.
    ///
    /// What is tied to nobody, as a forged token, is not looked at again for each claim.
    func claim(among claims: [TokenClaim], _ request: RequestInHand, after refused: LineKey? = nil) -> TokenClaim? {
        guard claims.count > 1 else { return claims.first }
        let now = self.nowMicros
        // This only looks: whoever checks the request in earnest counts.
        let counts = self.counts
        defer { self.counts = counts }
        for claim in claims where refused == nil {
            if self.pass(in: request, claim, nowMicros: now) != nil { return claim }
            if self.counts.tokensElsewhere == counts.tokensElsewhere { break }
        }
        var earliest: (key: LineKey, claim: TokenClaim)?
        let before = self.counts.tokensElsewhere
        for claim in claims {
            let place = self.place(in: request, claim, after: refused, nowMicros: now).map { LineKey($0) }
            if let place, earliest.map({ place < $0.key }) ?? true { earliest = (place, claim) }
            if self.counts.tokensElsewhere == before { break }
        }
        return earliest?.claim ?? claims[0]
    }

    /// Any pass that still counts is as good as another.
    func pass(in request: RequestInHand, _ claim: TokenClaim?, nowMicros now: Int64) -> AdmissionToken? {
        let name = (request.isSecure ? self.cookies.secure : self.cookies.plain).pass
        var found: AdmissionToken?
        _ = request.anyCookie(named: name) { text in
            found = self.token(.pass, text, claim, nowMicros: now)
            return found != nil
        }
        return found
    }

    /// The earliest place, so that a later one that was planted takes nobody's turn. After `refused`, of which the room
    /// has said that it is worth nothing any more.
    func place(
        in request: RequestInHand,
        _ claim: TokenClaim?,
        after refused: LineKey? = nil,
        nowMicros now: Int64
    ) -> AdmissionToken? {
        let name = (request.isSecure ? self.cookies.secure : self.cookies.plain).place
        var earliest: AdmissionToken?
        _ = request.anyCookie(named: name) { text in
            guard let token = self.token(.place, text, claim, nowMicros: now) else { return false }
            let key = LineKey(token)
            if let refused, key <= refused { return false }
            if let earliest, LineKey(earliest) <= key { return false }
            earliest = token
            return false
        }
        return earliest
    }

    /// Where the visitor stands whose place the room has just refused: another one may be among the cookies, and the
    /// refused one be planted. Each time a later one, so that this comes to an end.
    func standing(after refused: LineKey, _ request: RequestInHand, _ claim: TokenClaim?) -> RoomView.Standing {
        let now = self.nowMicros
        let place = self.place(in: request, claim, after: refused, nowMicros: now)
        self.learn(place)
        return self.view.standingInPlace(pass: nil, place: place, nowMicros: now)
    }

    /// What a genuine token proves of the line goes with every call of this gateway from now on.
    func learn(_ proof: AdmissionToken?) {
        if let proof, self.view.learn(proof) { self.shared.learn(proof) }
    }

    /// The token in `text` when it is a genuine one of this room that still counts.
    private func token(
        _ kind: AdmissionToken.Kind,
        _ text: UnsafeRawBufferPointer,
        _ claim: TokenClaim?,
        nowMicros now: Int64
    ) -> AdmissionToken? {
        switch self.tools.signer.check(text, claim: claim) {
        case .genuine(let token):
            switch self.view.objectionInPlace(to: token, as: kind, nowMicros: now) {
            case nil: return token
            case .foreign: self.counts.tokensForeign += 1
            case .expired: self.counts.tokensExpired += 1
            case .revoked: self.counts.tokensRevoked += 1
            case .void: self.counts.tokensVoid += 1
            }
        case .elsewhere: self.counts.tokensElsewhere += 1
        case .forged: self.counts.tokensForged += 1
        }
        return nil
    }
}
