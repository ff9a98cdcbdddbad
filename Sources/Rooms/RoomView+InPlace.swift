import Admission

/// The same questions, asked of a view where it stands. A module that calls the others hands the whole view over by value,
/// with a copy of all that it refers to: that was 5 % of a position poll.
extension RoomView {
    public mutating func standingInPlace(
        pass: AdmissionToken?,
        place: AdmissionToken?,
        nowMicros now: Int64
    ) -> Standing {
        self.standing(pass: pass, place: place, nowMicros: now)
    }

    public mutating func objectionInPlace(
        to token: AdmissionToken,
        as kind: AdmissionToken.Kind,
        nowMicros now: Int64
    ) -> Objection? {
        self.objection(to: token, as: kind, nowMicros: now)
    }

    public mutating func positionInPlace(
        of key: LineKey,
        isAtDoor: Bool,
        nowMicros now: Int64,
        random: UInt64
    ) -> WaitingPosition {
        self.position(of: key, isAtDoor: isAtDoor, nowMicros: now, random: random)
    }
}
