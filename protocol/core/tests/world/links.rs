//! A machine that goes on over another link loses nothing and says nothing twice for long.

use super::{
    grant,
    world::{Place::*, World},
};

#[test]
fn moving_to_another_link_in_the_middle_of_a_transfer_loses_nothing_either_way() {
    for seed in 1..6 {
        let mut world = World::new(seed);
        if seed % 2 == 0 {
            world.close_slowly();
        }
        // Frames wait for the disk while the links change.
        world.slow_disk(District1, 7);
        world.slow_disk(Ward1, 5);
        world.run(20);
        let here: Vec<_> = (0..40).map(|_| world.create(Ward1)).collect();
        let there: Vec<_> = (0..40).map(|_| world.create(Ward2)).collect();
        let op = grant(&world, Ward1);
        for dossier in &there {
            world.edit(Ward2, *dossier, &[op]);
        }
        for _ in 0..6 {
            world.run(9);
            world.second_link(Ward1);
            let dossier = here[0];
            world.edit(Ward1, dossier, &[]);
        }
        world.settle();
        assert_eq!(world.links_up(Ward1), 1, "seed {seed}: older links are left");
        assert_eq!(world.faults(), Vec::<String>::new(), "seed {seed}");
        for dossier in &here {
            let changes = world.changes(Ward1, *dossier);
            assert_eq!(world.changes(City, *dossier), changes, "seed {seed}");
        }
        for dossier in &there {
            assert_eq!(world.changes(Ward1, *dossier), 2, "seed {seed}");
        }
        assert!(world.in_sync(Ward1), "seed {seed}");
    }
}

#[test]
fn a_machine_that_meets_its_own_dead_link_wins_and_no_clone_is_suspected() {
    for seed in 1..6 {
        let mut world = World::new(seed);
        let first = world.create(Ward1);
        world.settle();
        for _ in 0..3 {
            world.vanish(Ward1);
            world.edit(Ward1, first, &[]);
            world.settle();
        }
        assert_eq!(world.links_up(Ward1), 1, "seed {seed}: dead links are closed");
        assert_eq!(world.two_alive(District1), 0, "seed {seed}");
        assert_eq!(world.changes(City, first), 4, "seed {seed}");
        assert_eq!(world.faults(), Vec::<String>::new(), "seed {seed}");
        assert!(world.in_sync(Ward1), "seed {seed}");
    }
}

#[test]
fn a_machine_that_moves_between_links_is_not_taken_for_its_clone() {
    let mut world = World::new(3);
    world.close_slowly();
    world.settle();
    for _ in 0..5 {
        world.second_link(Ward1);
        world.run(6);
    }
    world.settle();
    assert_eq!((world.two_alive(District1), world.links_up(Ward1)), (0, 1));
}

#[test]
fn if_the_older_link_answers_both_stay_and_two_are_told_to_be_alive() {
    let mut world = World::new(4);
    let dossier = world.create(Ward1);
    world.settle();
    world.copy_connects(Ward1);
    world.run(40);
    assert_eq!((world.two_alive(District1), world.links_up(Ward1)), (1, 2));
    // The counter of the first goes on.
    world.edit(Ward1, dossier, &[]);
    world.settle();
    assert_eq!(world.changes(City, dossier), 2);
    assert_eq!(world.links_up(Ward1), 2);
}
