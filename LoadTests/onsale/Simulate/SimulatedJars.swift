import Admission

/// Whose cookies a simulated visitor shows, and where those go that an answer sets: `CrowdPart+Cookies` with tokens in
/// place of their texts.
struct SimulatedJars {
    struct Jar {
        var pass: AdmissionToken?
        var place: AdmissionToken?

        mutating func take(_ other: Jar) {
            if let pass = other.pass { self.pass = pass }
            if let place = other.place { self.place = place }
        }
    }

    /// Of people whose tabs have one jar, by the index of the person.
    private var shared: [Int: Jar] = [:]

    /// What the visitor shows. A pass of somebody else is none at another address: there the gateway is as it would be
    /// without one.
    func shown(by person: Int, _ habit: CookieHabit, own: Jar) -> Jar {
        switch habit {
        case .own: own
        case .shared: self.shared[person] ?? Jar()
        case .none, .stolen: Jar()
        }
    }

    mutating func keep(_ set: Jar, of person: Int, _ habit: CookieHabit, own: inout Jar) {
        switch habit {
        case .own: own.take(set)
        case .shared: self.shared[person, default: Jar()].take(set)
        case .none, .stolen: break
        }
    }
}
