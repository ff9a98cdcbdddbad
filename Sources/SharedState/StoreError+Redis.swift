import Admission
import RedisClient

extension StoreError {
    init(_ error: RedisError) {
        switch error {
        case .unavailable, .overloaded: self = .unavailable(error.description)
        case .unanswered: self = .unanswered(error.description)
        case .refused(let code, _) where Self.codesOfAbsence.contains(code): self = .notNow(error.description)
        case .refused(_, let message): self = Self(RoomScript.error(message))
        }
    }

    /// Redis is there, and for now takes no writes. It says so before the first line of a script has run.
    private static let codesOfAbsence: Set<String> = [
        "LOADING", "BUSY", "READONLY", "MASTERDOWN", "MISCONF", "NOREPLICAS", "OOM", "CLUSTERDOWN", "TRYAGAIN",
    ]
}

public typealias StoreCompletion<Answer> = (Result<Answer, StoreError>) -> Void
